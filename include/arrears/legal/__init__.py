"""What a court will ask for: readiness, the clocks against the lender, packets and letters."""

"""Human decisions: what is put to people, who may answer, what their votes lead to, and the remedy they choose."""

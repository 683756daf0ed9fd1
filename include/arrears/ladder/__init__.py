"""The rulebook: policy, staging, evidence, holds and the one pure decision function."""

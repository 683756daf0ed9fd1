"""Arrears: the daily work of a post-loan collections department, as an Airflow project."""

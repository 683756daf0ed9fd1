"""The only package that imports Airflow: it turns plain steps into tasks and connections into settings."""

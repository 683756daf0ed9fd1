"""The desk: pages for people who work with the day's result, behind Airflow's own login."""

"""One module a DAG, one plain function a task: the same steps for Airflow, the command line and rehearsals."""

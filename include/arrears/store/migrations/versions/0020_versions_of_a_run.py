"""The view of question 4 names the versions of Airflow, DAG and bundle: every migration makes the views anew."""

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave the tables as they are."""

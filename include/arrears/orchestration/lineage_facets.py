"""The run facets of our tasks: named in ``custom_run_facets`` of the OpenLineage provider, imported by it alone."""

from typing import Any

from openlineage.client.facet_v2 import RunFacet

from arrears.audit.record import package_version
from arrears.orchestration.lineage import facets_of


def facets(ti: Any, _state: object) -> dict[str, Any]:
    """Return ``arrears_ledger``, ``arrears_policy`` and ``arrears_audit``, as far as this task has them."""
    return {f"arrears_{name}": _facet(name, fields) for name, fields in facets_of(str(ti.id)).items()}


def _facet(name: str, fields: dict[str, Any]) -> Any:
    facet: Any = RunFacet(producer=f"urn:arrears:{package_version()}").with_additional_properties(**fields)
    facet._schemaURL = f"urn:arrears:lineage:{name}:1"
    return facet

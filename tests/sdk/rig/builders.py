"""The request builders of the SDKs, as their sources tell them, and which of them a client used."""

import importlib
import re
from pathlib import Path


def builders(package: str, *folders: str) -> set[tuple[str, str]]:
    """Methods and URL templates of the builders in folders of a package's generated sources."""
    generated = Path(importlib.import_module(package).__file__).parent / "generated"
    found = set()
    for folder in folders:
        for source in (generated / folder).rglob("*_request_builder.py"):
            text = source.read_text()
            template = re.search(r'super\(\).__init__\(request_adapter, "([^"]*)"', text)
            if template:
                methods = re.findall(r"RequestInformation\(Method\.(\w+)", text)
                found |= {(method, template.group(1)) for method in methods}
    return found


def note(graph):
    """Has a client note what it asks in `asked`, as methods and URL templates."""
    graph.asked = set()
    send = graph.adapter.get_http_response_message

    async def noting(information, *arguments, **options):
        graph.asked.add((information.http_method.value, information.url_template))
        return await send(information, *arguments, **options)

    graph.adapter.get_http_response_message = noting
    return graph

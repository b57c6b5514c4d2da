"""What of an answer a package's models do not know."""

from kiota_abstractions.serialization import AdditionalDataHolder, Parsable


def strangers(model, place: str = "") -> set[str]:
    """Places of the properties that the model does not have, nor what it holds. Annotations are no properties, and
    `detailsInfo` is there for properties of any name."""
    found = set()
    if isinstance(model, AdditionalDataHolder) and type(model).__name__ != "DetailsInfo":
        found |= {f"{place}/{name}" for name in model.additional_data if "@" not in name}
    for name, value in vars(model).items():
        if name != "additional_data":
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Parsable):
                    found |= strangers(one, f"{place}/{name}")
    return found

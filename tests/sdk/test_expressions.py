"""The language of mappings at the Graph API: every shared example, and every function with the example of its documentation."""

import json
import re
from pathlib import Path

import pytest
from rig.graph import body_of

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "crates/expression/tests/it/vectors/expressions.json").read_text())
ROW = re.compile(
    r"^\| `(?P<name>\w+)\(.*\| (?P<null>[^|]*) \| (?P<example>(?:[^|\\]|\\.)*) \|$", re.MULTILINE
)

# What depends on the moment, on chance or on the directory, as the form that it has.
VARYING = {
    "Now": r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M",
    "Guid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "RandomString": r"(?=(?:.*[1-9]){3})(?=(?:.*[a-z]){3})[^0]{6}",
    "DefaultDomain": r"[\w.-]+",
}


def cells(example: str) -> tuple[str, dict, list[str]]:
    """Expression, attributes and values of an example in the documentation."""
    expression, *rest = [part.strip() for part in example.replace("\\|", "|").split("<br>")]
    values = lambda text: re.findall(r"`([^`]*)`", text) or [""]  # noqa: E731
    attributes = {}
    for line in rest[:-1]:
        name, text = line.split(" = ", 1)
        found = values(text)
        attributes[name] = found if len(found) > 1 else found[0]
    assert rest[-1].startswith("gives"), example
    return expression.strip("`"), attributes, values(rest[-1])


@pytest.fixture
def asked(graph):
    async def ask(builder, expression: str, attributes: dict, target=None):
        models = graph.models
        pairs = [
            models.StringKeyObjectValuePair(key=key, additional_data={"value": value})
            for key, value in attributes.items()
        ]
        body = body_of(
            builder,
            expression=expression,
            test_input_object=models.ExpressionInputObject(properties=pairs),
            target_attribute_definition=target,
        )
        return await builder.post(body)

    return ask


async def test_the_shared_examples_hold_at_the_api(graph, asked):
    job = await graph.create_job("http://127.0.0.1:9/scim")
    builder = job.builder.schema.parse_expression
    answers = await graph.at_once(
        asked(builder, vector["expression"], vector["attributes"]) for vector in VECTORS
    )
    wrong = []
    for vector, answer in zip(VECTORS, answers, strict=True):
        stage = None
        if not answer.parsing_succeeded:
            stage = "parse"
        elif not answer.evaluation_succeeded:
            stage = "evaluation"
        values = answer.evaluation_result or []
        if stage != vector.get("error") or (stage is None and values != vector["result"]):
            wrong.append((vector["expression"], stage, values))
        assert (stage is None) == (answer.error is None), vector["expression"]
        assert (stage == "parse") == (answer.parsed_expression is None), vector["expression"]
    assert len(answers) > 100 and not wrong, wrong


async def test_every_function_does_at_the_api_what_its_documentation_says(graph, asked):
    rows = {row["name"]: row for row in ROW.finditer((ROOT / "docs/expressions.md").read_text())}
    job = await graph.create_job("http://127.0.0.1:9/scim")
    functions = {one.id: one for one in (await job.builder.schema.functions.get()).value}
    assert rows.keys() == functions.keys(), "the documentation has every function that the API has"
    builder = job.builder.schema.parse_expression
    examples = {name: cells(row["example"]) for name, row in rows.items()}
    answers = await graph.at_once(
        asked(builder, expression, attributes) for expression, attributes, _ in examples.values()
    )
    for (name, (expression, _, values)), answer in zip(examples.items(), answers, strict=True):
        assert answer.evaluation_succeeded, (expression, answer.error)
        if form := VARYING.get(name):
            assert re.fullmatch(form, answer.evaluation_result[0]), (expression, answer.evaluation_result)
        else:
            assert answer.evaluation_result == values, expression
        # The tree names the parameters as the function's resource does, and is an expression by itself.
        tree = answer.parsed_expression
        while tree.name != name:
            tree = next(one.value for one in tree.parameters if one.value.name and name in one.value.expression)
        known = {parameter.name for parameter in functions[name].parameters}
        assert {one.key for one in tree.parameters} <= known, expression
    again = await graph.at_once(
        asked(builder, answer.parsed_expression.expression, examples[name][1])
        for name, answer in zip(examples, answers, strict=True)
    )
    for name, first, second in zip(examples, answers, again, strict=True):
        assert name in VARYING or first.evaluation_result == second.evaluation_result, name
    # Where the documentation says that null gives null, an object without the attributes gets nothing.
    nulls = [
        expression
        for name, (expression, attributes, _) in examples.items()
        if rows[name]["null"] == "null" and attributes and " = " not in expression
    ]
    silent = await graph.at_once(asked(builder, expression, {}) for expression in nulls)
    for expression, answer in zip(nulls, silent, strict=True):
        assert answer.evaluation_succeeded and not answer.evaluation_result, expression
    assert len(nulls) > 15


async def test_mistakes_and_misfits_are_answers_with_a_place(graph, asked):
    models = graph.models
    job = await graph.create_job("http://127.0.0.1:9/scim")
    builder = job.builder.schema.parse_expression
    definition = lambda kind: models.AttributeDefinition(name="x", type=kind)  # noqa: E731
    for expression, kind, words in [
        ("Jion(\".\", [a])", None, "did you mean Join?"),
        ("Replace([a], , \"a{2,1}\", , \"\", , )", None, "at its character 2"),
        ("Mid([a], 1", None, "character 11: expected"),
        ("[a]", models.AttributeType.Integer, "cannot hold"),
        ("CDate([a])", models.AttributeType.Boolean, "takes a boolean"),
    ]:
        answer = await asked(builder, expression, {"a": "b"}, kind and definition(kind))
        assert not answer.evaluation_succeeded and words in answer.error.message, (expression, answer.error)

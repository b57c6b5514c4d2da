use serde_json::{Value as Json, json};

use super::rig::Rig;

#[tokio::test]
async fn functions_and_operators_are_told() {
    let (rig, job) = Rig::with_job().await;
    for schema in [format!("{job}/schema"), format!("{}/templates/test/schema", rig.path)] {
        for form in ["functions", "functions()", "microsoft.graph.functions()"] {
            let page = rig.world.get(&format!("{schema}/{form}")).await.expect(200);
            let all = page["value"].as_array().unwrap();
            let join = all.iter().find(|one| one["name"] == "Join").unwrap();
            assert_eq!(
                join["parameters"],
                json!([
                    {"name": "separator", "type": "String", "required": true, "allowMultipleOccurrences": false},
                    {"name": "source", "type": "String", "required": true, "allowMultipleOccurrences": true},
                ])
            );
        }
        let page =
            rig.world.get(&format!("{schema}/filterOperators()?$filter=name eq 'IS TRUE'")).await.expect(200);
        assert_eq!(
            page["value"],
            json!([{
                "id": "IS TRUE", "name": "IS TRUE", "arity": "Unary", "multivaluedComparisonType": "Any",
                "supportedAttributeTypes": ["Boolean"],
            }])
        );
    }
    let nowhere = format!("{}/jobs/none/schema/functions", rig.path);
    rig.world.get(&nowhere).await.refused(404, "Request_ResourceNotFound");
}

async fn parse(rig: &Rig, job: &str, body: Json) -> Json {
    rig.world.post(&format!("{job}/schema/parseExpression"), body).await.expect(200)
}

#[tokio::test]
async fn an_expression_is_parsed_and_evaluated() {
    let (rig, job) = Rig::with_job().await;
    let answer = parse(&rig, &job, json!({"expression": "Join(\".\",[given],  [sur])"})).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert_eq!((&answer["error"], &answer["evaluationResult"]), (&Json::Null, &json!([])));
    let parsed = &answer["parsedExpression"];
    assert_eq!((&parsed["type"], &parsed["name"]), (&json!("Function"), &json!("Join")));
    assert_eq!(
        parsed["parameters"][1],
        json!({
            "key": "source", "value": {"type": "Attribute", "name": "given", "expression": "[given]", "parameters": []},
        })
    );

    let object = json!({
        "@odata.type": "#microsoft.graph.expressionInputObject",
        "properties": [{"key": "given", "value": "Ada"}, {"key": "sur", "value": "Lovelace"}, {"key": "on", "value": true}],
    });
    let evaluated = async |expression: &str| {
        parse(&rig, &job, json!({"expression": expression, "testInputObject": object})).await
    };
    let answer = evaluated("Join(\".\", [given], [sur])").await;
    assert_eq!(
        (&answer["evaluationSucceeded"], &answer["evaluationResult"]),
        (&json!(true), &json!(["Ada.Lovelace"]))
    );
    assert_eq!(evaluated("[nobody]").await["evaluationResult"], json!([]));
    assert_eq!(evaluated("Split([given], \"d\")").await["evaluationResult"], json!(["A", "a"]));
    let tenant = format!("{}.example", crate::world::TENANT.simple());
    assert_eq!(evaluated("DefaultDomain()").await["evaluationResult"], json!([tenant]));
}

#[tokio::test]
async fn a_wrong_expression_is_an_answer() {
    let (rig, job) = Rig::with_job().await;
    let object = json!({
        "definition": {"name": "User", "attributes": [{"name": "given", "type": "String"}]},
        "properties": [{"key": "given", "value": "Ada"}],
    });
    for (body, words) in [
        (json!({"expression": "Jion(\".\", [given])"}), "did you mean Join?"),
        (json!({"expression": "ToLower("}), "expected"),
        (json!({"expression": "[givn]", "testInputObject": object}), "given"),
    ] {
        let answer = parse(&rig, &job, body).await;
        assert_eq!(
            (&answer["parsingSucceeded"], &answer["evaluationSucceeded"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(answer["error"]["target"], "expression");
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let body = json!({"expression": "Error(\"no name\")", "testInputObject": {"properties": []}});
    let answer = parse(&rig, &job, body).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("no name"), "{answer}");
    let body = json!({
        "expression": "Split(\"a b\", \" \")", "testInputObject": {},
        "targetAttributeDefinition": {"name": "nick", "multivalued": false},
    });
    assert_eq!(parse(&rig, &job, body).await["error"]["code"], "SchemaPropertyCanOnlyAcceptValue");
    let path = format!("{job}/schema/parseExpression");
    rig.world.post(&path, json!({})).await.refused(400, "Request_BadRequest");
    rig.world.post(&path, json!({"expresion": "x"})).await.refused(400, "Request_BadRequest");
}

//! The language of mappings and filters: `functions`, `filterOperators`, and POST `parseExpression`.

use std::collections::HashMap;

use expression::{
    AnyAttributes, AttributeInfo, Context, Domains, Flow, Function, Parameter, Placement, SourceAttributes,
};
use graph::GraphError;
use graph::synchronization::requests::{ExpressionInputObject, ParseExpression};
use model::job::Job;
use model::schema::{AttributeDefinition, AttributeType, ObjectDefinition};
use model::settings::JobSettings;
use model::{Attributes, Name, Value};
use serde_json::{Map, Value as Json, json};

use super::holder::Holder;
use super::members;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of an operator.
const OPERATOR: [&str; 5] = ["id", "name", "arity", "multivaluedComparisonType", "supportedAttributeTypes"];

/// The properties of a function.
const FUNCTION: [&str; 3] = ["id", "name", "parameters"];

/// The source attribute that is computed here, which every object has.
const SOFT_DELETED: &str = "IsSoftDeleted";

/// GET `schema/functions()`.
pub(super) async fn functions(call: Call) -> Answer {
    call.schema_exists().await?;
    let all = expression::functions().map(function).collect();
    members::collection(&call, "Collection(microsoft.graph.attributeMappingFunctionSchema)", &FUNCTION, all)
}

fn function(function: &Function) -> Map<String, Json> {
    let mut resource = Map::new();
    resource.insert("id".to_owned(), json!(function.name));
    resource.insert("name".to_owned(), json!(function.name));
    resource.insert("parameters".to_owned(), function.source_parameters().iter().map(parameter).collect());
    resource
}

fn parameter(parameter: &Parameter) -> Json {
    json!({
        "name": parameter.name,
        "type": parameter.kind.attribute_type(),
        "required": parameter.required,
        "allowMultipleOccurrences": parameter.repeats,
    })
}

/// GET `schema/filterOperators()`.
pub(super) async fn filter_operators(call: Call) -> Answer {
    call.schema_exists().await?;
    let operator = |operator: sync::FilterOperator| {
        let mut resource = Map::new();
        resource.insert("id".to_owned(), json!(operator.name));
        resource.insert("name".to_owned(), json!(operator.name));
        resource.insert("arity".to_owned(), json!(if operator.unary { "Unary" } else { "Binary" }));
        resource.insert("multivaluedComparisonType".to_owned(), json!(operator.comparison.as_str()));
        resource.insert("supportedAttributeTypes".to_owned(), json!(operator.types));
        resource
    };
    let all = sync::filter_operators().map(operator).collect();
    members::collection(&call, "Collection(microsoft.graph.filterOperatorSchema)", &OPERATOR, all)
}

impl Call {
    /// Refuses a path whose job or template does not exist, for what is the same in every schema. The job, where it is
    /// one.
    async fn schema_exists(&self) -> Result<Option<Job>, ApiError> {
        Ok(match Holder::of(&self.owner().await?).await? {
            Holder::Job(job) => Some(job),
            Holder::Template(_) => None,
        })
    }
}

/// POST `schema/parseExpression`: reads an expression, and evaluates it where an object comes along. An expression that
/// is wrong is no wrong request: the answer tells what is wrong with it.
pub(super) async fn parse_expression(call: Call) -> Answer {
    let job = call.schema_exists().await?;
    let request: ParseExpression = call.read()?;
    let text = request.expression.as_deref().ok_or_else(|| GraphError::missing_property("expression"))?;
    let answer = match read(text, &request) {
        Err(error) => json!({
            "error": error, "parsingSucceeded": false, "parsedExpression": null,
            "evaluationSucceeded": false, "evaluationResult": [],
        }),
        Ok(tree) => {
            let parsed = expression::to_source(&tree);
            let (error, result) = match &request.test_input_object {
                None => (None, None),
                Some(object) => match evaluate(&call, job.as_ref(), &tree, object, &request).await? {
                    Ok(values) => (None, Some(values)),
                    Err(error) => (Some(error), None),
                },
            };
            json!({
                "error": error, "parsingSucceeded": true, "parsedExpression": parsed,
                "evaluationSucceeded": result.is_some(), "evaluationResult": result.unwrap_or_default(),
            })
        }
    };
    let Json::Object(answer) = answer else { return Err(GraphError::internal().into()) };
    Ok(Reply::ok(call.entity("microsoft.graph.parseExpressionResponse", answer)))
}

/// Graph `publicError`, with one detail for each thing that is wrong.
fn public_error(code: &str, target: &str, wrong: &[String]) -> Json {
    let details: Vec<Json> =
        wrong.iter().map(|words| json!({ "code": code, "message": words, "target": target })).collect();
    json!({ "code": code, "message": wrong.join("; "), "target": target, "details": details, "innerError": null })
}

/// The tree of a text, if it can work with the attributes of the test object's definition and gives what the target
/// attribute takes.
fn read(text: &str, request: &ParseExpression) -> Result<expression::Tree, Json> {
    let invalid = |errors: Vec<String>| public_error("InvalidExpression", "expression", &errors);
    let tree = expression::parse(text).map_err(|error| invalid(vec![error.to_string()]))?;
    let definition = request.test_input_object.as_ref().and_then(|object| object.definition.as_ref());
    let checked = match definition.filter(|definition| !definition.attributes.is_empty()) {
        Some(definition) => expression::check(&tree, &Readable(definition), Placement::ANYWHERE),
        None => expression::check(&tree, &AnyAttributes, Placement::ANYWHERE),
    };
    let result = match checked {
        Ok(result) => Some(result),
        // Whether a constant is of use shows when the expression is evaluated.
        Err(errors) if request.test_input_object.is_some() && errors.iter().all(|one| one.constant) => None,
        Err(errors) => return Err(invalid(errors.iter().map(ToString::to_string).collect())),
    };
    if let (Some(target), Some(result)) = (&request.target_attribute_definition, result) {
        expression::check_fit(&tree, result, target).map_err(|error| {
            public_error("InvalidType", "targetAttributeDefinition", &[error.to_string()])
        })?;
    }
    Ok(tree)
}

/// The attributes of a definition, and the one that every object has.
struct Readable<'a>(&'a ObjectDefinition);

impl SourceAttributes for Readable<'_> {
    fn attribute(&self, name: &str) -> Option<AttributeInfo> {
        let known = SourceAttributes::attribute(self.0, name);
        let own = AttributeInfo { kind: AttributeType::Boolean, multivalued: false };
        known.or_else(|| (name == SOFT_DELETED).then_some(own))
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        self.0.names()
    }
}

/// The values that an expression gives for an object, as text; else what is wrong.
async fn evaluate(
    call: &Call,
    job: Option<&Job>,
    tree: &expression::Tree,
    object: &ExpressionInputObject,
    request: &ParseExpression,
) -> Result<Result<Vec<String>, Json>, ApiError> {
    let service = call.service();
    let tenant = service.store.tenant(call.caller.tenant).await?;
    let settings = job.and_then(|job| JobSettings::parse(&job.settings).ok()).unwrap_or_default();
    let domains = Domains {
        default: tenant.map(|tenant| tenant.domain.into()),
        fqdn: settings.domain_fqdn,
        net_bios: settings.domain_net_bios,
    };
    let mut context = Context::new(service.clock.now(), &*service.entropy).with_domains(domains);
    let attributes = attributes(object);
    let result = expression::compile(tree).evaluate_object(&attributes, &mut context);
    Ok(match result {
        Ok(Flow::Ignore) => Ok(Vec::new()),
        Ok(Flow::Value(value)) => check_fit(&value, request.target_attribute_definition.as_ref())
            .map(|()| value.values().iter().map(ToString::to_string).collect()),
        Err(error) => Err(public_error("EvaluationFailed", "testInputObject", &[error.to_string()])),
    })
}

/// Refuses values that the target attribute cannot hold: several where it holds one, and what is none of its type.
fn check_fit(value: &Value, target: Option<&AttributeDefinition>) -> Result<(), Json> {
    let Some(target) = target else { return Ok(()) };
    let refused = |words: String| {
        Err(public_error("SchemaPropertyCanOnlyAcceptValue", "targetAttributeDefinition", &[words]))
    };
    let count = value.values().len();
    if !target.multivalued && count > 1 {
        return refused(format!(
            "The expression gives {count} values, and attribute '{}' holds one.",
            target.name
        ));
    }
    let odd = value.values().iter().find(|one| match one {
        Value::Text(text) => !expression::reads_as(target.kind, text),
        _ => false,
    });
    match odd {
        Some(odd) => refused(format!(
            "The expression gives '{odd}', which attribute '{}' of type {:?} cannot hold.",
            target.name, target.kind
        )),
        None => Ok(()),
    }
}

/// The values of the test object. A name that occurs several times has several values.
fn attributes(object: &ExpressionInputObject) -> Attributes {
    let mut found: HashMap<&str, Vec<Value>> = HashMap::new();
    for property in object.properties.iter().flatten() {
        found.entry(&property.key).or_default().push(value(&property.value));
    }
    let single = |mut values: Vec<Value>| {
        if values.len() == 1 { values.pop().unwrap_or_default() } else { Value::list(values) }
    };
    found.into_iter().map(|(name, values)| (Name::from(name), single(values))).collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::text(number.to_string()),
        },
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(values) => Value::list(values.iter().map(value)),
        // Objects, such as role assignments, reach functions as the text that they are.
        object @ Json::Object(_) => Value::text(object.to_string()),
    }
}

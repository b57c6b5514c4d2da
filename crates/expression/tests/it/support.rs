//! What the tests have in common.

use expression::{Context, Domains, Flow};
use model::{Attributes, Entropy, Name, Timestamp, Value};

/// Every octet is zero.
pub(crate) struct Zeroes;

impl Entropy for Zeroes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// The moment and the domains of the examples in the function table.
pub(crate) fn context() -> Context<'static> {
    let domains = Domains {
        default: Some("contoso.com".into()),
        fqdn: Some("corp.contoso.com".into()),
        net_bios: Some("CORP".into()),
    };
    Context::new("2021-07-02T15:33:38Z".parse::<Timestamp>().unwrap(), &Zeroes).with_domains(domains)
}

/// Attributes from names and values.
pub(crate) fn attributes<'a>(named: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>) -> Attributes {
    named
        .into_iter()
        .map(|(name, values)| {
            let mut values: Vec<Value> = values.into_iter().map(Value::from).collect();
            let value = if values.len() == 1 { values.remove(0) } else { Value::List(values) };
            (Name::from(name), value)
        })
        .collect()
}

/// The texts of the values that flow.
pub(crate) fn texts(flow: &Flow) -> Vec<String> {
    match flow {
        Flow::Value(value) => value.values().iter().map(ToString::to_string).collect(),
        Flow::Ignore => Vec::new(),
    }
}

/// What an expression gives for an object, as texts, or the error's text.
pub(crate) fn evaluate(text: &str, attributes: &Attributes) -> Result<Vec<String>, String> {
    let tree = expression::parse(text).map_err(|error| error.to_string())?;
    let flow = expression::compile(&tree).evaluate_object(attributes, &mut context());
    flow.map(|flow| texts(&flow)).map_err(|error| error.to_string())
}

//! Decides whether a resource, or one value of an attribute, satisfies a filter.

use std::borrow::Cow;
use std::cmp::Ordering;

use model::Timestamp;
use serde_json::{Number, Value as Json};

use super::{Filter, Literal, Operator};
use crate::error::{Error, ScimType};
use crate::json;
use crate::name::CaselessName;
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType, ResourceSchema};

impl Filter {
    /// True where the resource satisfies the filter.
    ///
    /// A comparison holds for a multi-valued attribute where it holds for one of its values; a complex value is
    /// compared by its `value`. Texts compare as the schema's `caseExact` says, without case where the schema does
    /// not know the attribute; date-times as moments. An attribute without a value is equal to `null` alone.
    #[must_use]
    pub fn matches(&self, resource: &Json, schema: &ResourceSchema) -> bool {
        self.holds(&Scope::Resource { resource, schema })
    }

    /// True where one value of a multi-valued attribute satisfies the filter, whose names are sub-attributes. For a
    /// value that is no object the name `value` means the value itself.
    #[must_use]
    pub fn matches_value(&self, value: &Json, attribute: Option<&Attribute>) -> bool {
        self.holds(&Scope::Value { value, attribute })
    }

    /// Refuses orderings of booleans and binaries, which RFC 7644 §3.4.2.2 wants answered with `invalidFilter`.
    pub fn check(&self, schema: &ResourceSchema) -> Result<(), Error> {
        self.check_against(&|path| schema.attribute(path))
    }

    fn check_against<'s>(&self, find: &dyn Fn(&AttributePath) -> Option<&'s Attribute>) -> Result<(), Error> {
        match self {
            Self::Present(_) => Ok(()),
            Self::Compare(path, operator, literal) => {
                check_order(path, *operator, find(path))?;
                check_moment(path, *operator, literal, find(path))
            }
            Self::And(all) | Self::Or(all) => all.iter().try_for_each(|one| one.check_against(find)),
            Self::Not(inner) => inner.check_against(find),
            Self::Values(path, inner) => {
                let whole = find(path);
                inner.check_against(&|part| whole.and_then(|whole| whole.sub_attribute(&part.attribute)))
            }
        }
    }

    fn holds(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Present(path) => scope.find(path).values.into_iter().any(is_present),
            Self::Compare(path, operator, literal) => compare_all(scope, path, *operator, literal),
            Self::And(all) => all.iter().all(|one| one.holds(scope)),
            Self::Or(any) => any.iter().any(|one| one.holds(scope)),
            Self::Not(inner) => !inner.holds(scope),
            Self::Values(path, inner) => {
                let found = scope.find(path);
                found.values.iter().any(|value| inner.matches_value(value, found.attribute))
            }
        }
    }
}

fn check_order(path: &AttributePath, operator: Operator, attribute: Option<&Attribute>) -> Result<(), Error> {
    let orders = matches!(operator, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le);
    match attribute.map(|attribute| attribute.kind) {
        Some(kind @ (DataType::Boolean | DataType::Binary)) if orders => Err(Error::bad_request(
            ScimType::InvalidFilter,
            format!(
                "\"{path}\" is {} and has no order; use eq or ne instead of {}",
                kind.as_str(),
                operator.as_str()
            ),
        )),
        _ => Ok(()),
    }
}

fn check_moment(
    path: &AttributePath,
    operator: Operator,
    literal: &Literal,
    attribute: Option<&Attribute>,
) -> Result<(), Error> {
    let within = matches!(operator, Operator::Co | Operator::Sw | Operator::Ew);
    match literal {
        Literal::Text(text)
            if attribute.is_some_and(|attribute| attribute.kind == DataType::DateTime)
                && !within
                && moment(text).is_none() =>
        {
            let text = crate::syntax::shorten(text, 40);
            let detail = format!(
                "\"{path}\" is a dateTime, but \"{text}\" is none; write it like \"2026-01-31T09:30:00Z\""
            );
            Err(Error::bad_request(ScimType::InvalidFilter, detail))
        }
        _ => Ok(()),
    }
}

/// What a filter's names are looked up in.
enum Scope<'a> {
    Resource { resource: &'a Json, schema: &'a ResourceSchema },
    Value { value: &'a Json, attribute: Option<&'a Attribute> },
}

/// The single values of an attribute, and what is known of them.
struct Found<'a> {
    values: Vec<&'a Json>,
    attribute: Option<&'a Attribute>,
}

impl<'a> Scope<'a> {
    fn find(&self, path: &AttributePath) -> Found<'a> {
        let (whole, known) = match self {
            Self::Resource { resource, schema } => {
                (json::attribute(resource, path, schema), schema.whole_attribute(path))
            }
            Self::Value { value: value @ Json::Object(_), attribute } => {
                let known = attribute.and_then(|attribute| attribute.sub_attribute(&path.attribute));
                (json::part(value, &path.attribute), known)
            }
            Self::Value { value, attribute } => {
                let itself = path.attribute.is("value") && path.sub_attribute.is_none();
                (itself.then_some(*value), *attribute)
            }
        };
        let values = whole.map(singles).unwrap_or_default();
        match &path.sub_attribute {
            None => Found { values, attribute: known },
            Some(name) => Found {
                values: values
                    .into_iter()
                    .filter_map(|value| json::part(value, name))
                    .flat_map(singles)
                    .collect(),
                attribute: known.and_then(|known| known.sub_attribute(name)),
            },
        }
    }
}

fn singles(value: &Json) -> Vec<&Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(values) => values.iter().filter(|value| !value.is_null()).collect(),
        one => vec![one],
    }
}

fn is_present(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(values) => values.iter().any(is_present),
        Json::Object(entries) => entries.values().any(is_present),
        _ => true,
    }
}

fn compare_all(scope: &Scope<'_>, path: &AttributePath, operator: Operator, literal: &Literal) -> bool {
    let mut found = scope.find(path);
    if *literal == Literal::Null {
        return match operator {
            Operator::Eq => found.values.is_empty(),
            Operator::Ne => !found.values.is_empty(),
            _ => false,
        };
    }
    if found.values.is_empty() {
        return operator == Operator::Ne;
    }
    let value_name = CaselessName::from("value");
    if found.values.iter().any(|value| value.is_object()) {
        found.values = found.values.into_iter().filter_map(|value| json::part(value, &value_name)).collect();
        found.attribute = found.attribute.and_then(|attribute| attribute.sub_attribute(&value_name));
    }
    found.values.iter().any(|value| compare(value, operator, literal, found.attribute))
}

fn compare(value: &Json, operator: Operator, literal: &Literal, attribute: Option<&Attribute>) -> bool {
    match (value, literal) {
        (Json::String(value), Literal::Text(text)) => compare_texts(value, operator, text, attribute),
        (Json::Number(left), Literal::Number(right)) => ordered(operator, order_numbers(left, right)),
        (Json::Number(left), Literal::Text(text)) => {
            match text.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(right) => ordered(operator, order_numbers(left, &right)),
                None => operator == Operator::Ne,
            }
        }
        // Booleans are compared with the texts that Entra and others write for them.
        _ => match (json::truth(value), json::truth(&literal.to_json())) {
            (Some(left), Some(right)) => match operator {
                Operator::Eq => left == right,
                Operator::Ne => left != right,
                _ => false,
            },
            _ => operator == Operator::Ne,
        },
    }
}

fn compare_texts(value: &str, operator: Operator, text: &str, attribute: Option<&Attribute>) -> bool {
    let kind = attribute.map(|attribute| attribute.kind);
    if matches!(kind, None | Some(DataType::DateTime))
        && let (Some(left), Some(right)) = (moment(value), moment(text))
        && !matches!(operator, Operator::Co | Operator::Sw | Operator::Ew)
    {
        return ordered(operator, Some(left.cmp(&right)));
    }
    let exact = attribute.is_some_and(|attribute| attribute.case_exact);
    let (value, text) = (fold(value, exact), fold(text, exact));
    match operator {
        Operator::Co => value.contains(&*text),
        Operator::Sw => value.starts_with(&*text),
        Operator::Ew => value.ends_with(&*text),
        _ => ordered(operator, Some(value.cmp(&text))),
    }
}

fn ordered(operator: Operator, ordering: Option<Ordering>) -> bool {
    match operator {
        Operator::Eq => ordering == Some(Ordering::Equal),
        Operator::Ne => ordering != Some(Ordering::Equal),
        Operator::Gt => ordering == Some(Ordering::Greater),
        Operator::Ge => ordering.is_some_and(Ordering::is_ge),
        Operator::Lt => ordering == Some(Ordering::Less),
        Operator::Le => ordering.is_some_and(Ordering::is_le),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// A text in the form in which it is compared.
pub(crate) fn fold(text: &str, exact: bool) -> Cow<'_, str> {
    if exact || !text.bytes().any(|octet| octet.is_ascii_uppercase() || !octet.is_ascii()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// The moment that an `xsd:dateTime` means; UTC where it says no offset.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    if !(text.len() >= 19 && text.contains('T')) {
        return None;
    }
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}

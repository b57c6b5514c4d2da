//! What can be known to fail before an object is there: types, unknown attributes, broken constants, and functions in
//! places where they cannot work.

use model::schema::{AttributeDefinition, AttributeType, FlowType, ObjectDefinition};

use crate::compiler::compile_with_problems;
use crate::date::moment;
use crate::error::CheckError;
use crate::registry::{Kind, Returns};
use crate::tree::{Call, Comparison, Node, NodeKind, Operator, Tree};

/// What is known of a source attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeInfo {
    /// The type of its values.
    pub kind: AttributeType,
    /// Whether it may hold several.
    pub multivalued: bool,
}

/// The attributes that an expression may read.
pub trait SourceAttributes {
    /// The attribute of a name; None where there is none.
    fn attribute(&self, name: &str) -> Option<AttributeInfo>;

    /// All names, so that an error can offer the nearest one.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;
}

impl SourceAttributes for ObjectDefinition {
    fn attribute(&self, name: &str) -> Option<AttributeInfo> {
        let definition = ObjectDefinition::attribute(self, name)?;
        Some(AttributeInfo { kind: definition.kind, multivalued: definition.multivalued })
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.attributes.iter().map(|attribute| attribute.name.as_str()))
    }
}

/// For expressions that are read without a schema: every attribute exists and holds one text.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyAttributes;

impl SourceAttributes for AnyAttributes {
    fn attribute(&self, _: &str) -> Option<AttributeInfo> {
        Some(AttributeInfo { kind: AttributeType::String, multivalued: false })
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(std::iter::empty())
    }
}

/// The attribute mapping that an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// When the value flows.
    pub flow_type: FlowType,
    /// Whether the target attribute finds objects.
    pub matching: bool,
}

impl Placement {
    /// For expressions that are read without a mapping: everything may stand there.
    pub const ANYWHERE: Self = Self { flow_type: FlowType::ObjectAddOnly, matching: false };
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultType {
    /// The type of its values; None where that depends on the object.
    pub kind: Option<AttributeType>,
    /// Whether there may be several.
    pub multivalued: bool,
}

impl ResultType {
    const UNKNOWN: Self = Self { kind: None, multivalued: false };

    fn one(kind: AttributeType) -> Self {
        Self { kind: Some(kind), multivalued: false }
    }

    fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.filter(|kind| other.kind == Some(*kind)),
            multivalued: self.multivalued || other.multivalued,
        }
    }
}

/// The most errors that are reported of one expression.
const MOST_ERRORS: usize = 20;

/// The longest attribute name, in bytes, for which the nearest one is looked for.
const LONGEST_TYPO: usize = 200;

/// Checks an expression for a mapping. The errors, at most twenty, come in the order of the text.
pub fn check(
    tree: &Tree,
    attributes: &dyn SourceAttributes,
    placement: Placement,
) -> Result<ResultType, Vec<CheckError>> {
    let mut checker = Checker { attributes, errors: Vec::new() };
    checker.placement(tree, placement);
    let result = checker.node(tree.root());
    if matches!(tree.root().kind, NodeKind::Word(_)) {
        checker.error(tree.root(), "this word is only an argument of InStr; write a text in quotes");
    }
    let mut errors = checker.errors;
    errors.extend(compile_with_problems(tree).1);
    errors.sort_by_key(|error| error.offset);
    errors.truncate(MOST_ERRORS);
    if errors.is_empty() { Ok(result) } else { Err(errors) }
}

/// Checks what an expression gives against the attribute that takes it, as values are converted when they flow: texts are
/// read as what the attribute holds, and every value has a text form; between other types nothing is converted. How
/// many values there are is only known with the object.
pub fn check_fit(tree: &Tree, result: ResultType, target: &AttributeDefinition) -> Result<(), CheckError> {
    use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, String};
    let root = tree.root();
    let fits = match (target.kind, result.kind) {
        (String | Binary, _) | (_, None) => true,
        (Boolean | Integer | DateTime, Some(String)) => match &root.kind {
            NodeKind::Text(text) => reads_as(target.kind, text),
            NodeKind::Number(number) => reads_as(target.kind, number),
            _ => true,
        },
        (wanted @ (Boolean | Integer | DateTime | Reference), Some(found)) => wanted == found,
    };
    if fits {
        return Ok(());
    }
    let mend = match target.kind {
        Boolean => "; convert it with CBool, or compare it",
        DateTime => "; convert it with CDate",
        Reference => "; only a reference attribute such as [manager] gives one",
        _ => "",
    };
    let found = match &root.kind {
        NodeKind::Text(_) | NodeKind::Number(_) => root.to_string(),
        _ => result.kind.map_or_else(|| "something else".to_owned(), |kind| named(kind).to_owned()),
    };
    let message = format!("the attribute '{}' takes {}, not {found}{mend}", target.name, named(target.kind));
    Err(CheckError { offset: root.offset as usize, message, constant: false })
}

/// Whether a text can be read as a value of a type; an empty one is no value.
#[must_use]
pub fn reads_as(kind: AttributeType, text: &str) -> bool {
    let text = text.trim();
    match kind {
        _ if text.is_empty() => true,
        AttributeType::Boolean => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        AttributeType::Integer => text.parse::<i64>().is_ok(),
        AttributeType::DateTime => moment(text).is_some(),
        AttributeType::String | AttributeType::Reference | AttributeType::Binary => true,
    }
}

struct Checker<'a> {
    attributes: &'a dyn SourceAttributes,
    errors: Vec<CheckError>,
}

impl Checker<'_> {
    fn error(&mut self, node: &Node, message: impl Into<String>) {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(CheckError {
                offset: node.offset as usize,
                message: message.into(),
                constant: false,
            });
        }
    }

    fn placement(&mut self, tree: &Tree, placement: Placement) {
        let NodeKind::Call(call) = &tree.root().kind else { return };
        if !call.function.top_level_only {
            return;
        }
        let name = call.function.name;
        if placement.flow_type != FlowType::ObjectAddOnly {
            self.error(tree.root(), format!("{name} needs a mapping with flowType ObjectAddOnly"));
        }
        if placement.matching {
            self.error(tree.root(), format!("{name} cannot compute a matching attribute"));
        }
    }

    fn node(&mut self, node: &Node) -> ResultType {
        match &node.kind {
            NodeKind::Attribute(name) => {
                if let Some(info) = self.attributes.attribute(name) {
                    ResultType { kind: Some(info.kind), multivalued: info.multivalued }
                } else {
                    let message = self.unknown(name);
                    self.error(node, message);
                    ResultType::UNKNOWN
                }
            }
            NodeKind::Text(_) | NodeKind::Word(_) | NodeKind::Setting(_) => {
                ResultType::one(AttributeType::String)
            }
            NodeKind::Number(literal) if literal.contains('.') => ResultType::one(AttributeType::String),
            NodeKind::Number(_) => ResultType::one(AttributeType::Integer),
            NodeKind::Compare(comparison) => self.comparison(comparison),
            NodeKind::Call(call) => self.call(call),
        }
    }

    fn unknown(&self, name: &str) -> String {
        match self.nearest(name) {
            Some(known) => format!("the source object has no attribute '{name}'; did you mean [{known}]?"),
            None => format!(
                "the source object has no attribute '{name}'; add it to the directory definition first"
            ),
        }
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        if name.len() > LONGEST_TYPO || self.errors.len() >= MOST_ERRORS {
            return None;
        }
        let wanted = name.to_lowercase();
        let most = name.chars().count().div_ceil(2);
        self.attributes
            .names()
            .filter(|known| known.len().abs_diff(name.len()) <= 4 * most)
            .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &wanted), known))
            .filter(|(distance, _)| *distance <= most)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }

    fn comparison(&mut self, comparison: &Comparison) -> ResultType {
        for operand in [&comparison.left, &comparison.right] {
            let found = self.node(operand);
            if matches!(operand.kind, NodeKind::Word(_)) {
                self.error(operand, "this word cannot be compared; write a text in quotes");
            }
            let ordered = !matches!(comparison.operator, Operator::Equal | Operator::NotEqual);
            if ordered && found.multivalued {
                self.error(
                    operand,
                    format!("'{}' compares one value; choose one with Item", comparison.operator),
                );
            }
        }
        ResultType::one(AttributeType::Boolean)
    }

    fn call(&mut self, call: &Call) -> ResultType {
        let mut flowing: Option<ResultType> = None;
        for (position, argument) in call.arguments.iter().enumerate() {
            let Some(argument) = argument else { continue };
            let found = self.node(argument);
            self.argument(call, position, argument, found);
            if call.function.flows(position) {
                flowing = Some(flowing.map_or(found, |before| before.or(found)));
            }
        }
        let known = |kind: Kind| if kind == Kind::Any { None } else { Some(kind.attribute_type()) };
        match call.function.returns {
            Returns::One(kind) => ResultType { kind: known(kind), multivalued: false },
            Returns::Several(kind) => ResultType { kind: known(kind), multivalued: true },
            Returns::Argument => flowing.unwrap_or(ResultType::UNKNOWN),
        }
    }

    fn argument(&mut self, call: &Call, position: usize, argument: &Node, found: ResultType) {
        let Some(parameter) = call.function.parameter(position) else { return };
        let place = format!("'{}' of {}", parameter.name, call.function.name);
        if let NodeKind::Call(inner) = &argument.kind
            && inner.function.top_level_only
        {
            let name = inner.function.name;
            self.error(argument, format!("{name} must be the outermost function of the mapping"));
        }
        let is_word = matches!(argument.kind, NodeKind::Word(_));
        if is_word != (parameter.kind == Kind::Compare) {
            self.error(
                argument,
                if is_word {
                    format!("{place} takes no word; write a text in quotes")
                } else {
                    format!("{place} takes {}", Kind::Compare.as_str())
                },
            );
            return;
        }
        if found.multivalued && !parameter.multivalued {
            self.error(
                argument,
                format!("{place} takes one value; choose one with Item or combine them with Join"),
            );
        }
        if let Some(kind) = found.kind
            && !accepts(parameter.kind, kind)
        {
            self.error(argument, format!("{place} takes {}, not {}", article(parameter.kind), named(kind)));
        }
    }
}

/// Whether values of an attribute type can be read as what a parameter takes. Texts can be anything.
fn accepts(parameter: Kind, found: AttributeType) -> bool {
    match parameter {
        Kind::Any | Kind::Text | Kind::Compare => true,
        Kind::Integer => matches!(found, AttributeType::String | AttributeType::Integer),
        Kind::Boolean => {
            matches!(found, AttributeType::String | AttributeType::Integer | AttributeType::Boolean)
        }
        Kind::DateTime => matches!(found, AttributeType::String | AttributeType::DateTime),
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "a whole number",
        Kind::Boolean => "True or False",
        Kind::DateTime => "a date-time",
        other => other.as_str(),
    }
}

fn named(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::String => "text",
        AttributeType::Integer => "a whole number",
        AttributeType::Reference => "a reference",
        AttributeType::Binary => "binary",
        AttributeType::Boolean => "a boolean",
        AttributeType::DateTime => "a date-time",
    }
}

use expression::Compiled;
use model::change::SourceObject;
use model::schema::{AttributeType, FlowBehavior, FlowType, FlowTypes, Mutability};
use model::{Anchor, Name, Value};

use crate::filter::Filters;
use crate::flow::Inputs;
use crate::protect::Protection;

/// A schema, ready to decide with: names resolved, expressions compiled, filters prepared.
#[derive(Debug)]
pub struct Program {
    /// By rising priority.
    pub rules: Vec<Rule>,
    /// Changes exactly when the meaning of the schema does, not when only names for people do. The name of a mapping is more
    /// than that: a job remembers its objects by it.
    pub meaning: u64,
}

/// A synchronization rule with the mappings that are enabled.
#[derive(Debug)]
pub struct Rule {
    /// Its id in the schema.
    pub id: Name,
    /// The first whose category accepts an object owns it.
    pub mappings: Vec<Mapping>,
}

/// An object mapping.
#[derive(Debug)]
pub struct Mapping {
    /// The rule's id.
    pub rule: Name,
    /// The mapping's name, else its source and target types: what entries remember it by.
    pub key: Name,
    /// The object type that is read.
    pub source_kind: Name,
    /// The object type that is written.
    pub target_kind: Name,
    /// What may be exported.
    pub flow_types: FlowTypes,
    /// Who is in scope.
    pub(crate) filters: Filters,
    /// How values are computed, in the order of the schema.
    pub flows: Vec<AttributeFlow>,
    /// Reference attributes.
    pub references: Vec<ReferenceFlow>,
    /// Positions in `flows` of the matching attributes, by rising priority.
    pub(crate) matching: Vec<usize>,
    /// Source attributes that filters and flows read; flows name them by position.
    pub source_attributes: Vec<Name>,
    /// Those of them whose nulls clear an attribute of the target.
    pub clearing: Vec<Name>,
    /// Target attributes that flows write, and those that say whether an account may be touched.
    pub target_attributes: Vec<Name>,
    /// True where a flow that may go out in an update reads `IsSoftDeleted`.
    pub(crate) disables: bool,
    /// Accounts that are never touched.
    pub(crate) protection: Protection,
}

impl Mapping {
    /// True where the mapping's category accepts an object, so that the mapping owns it unless an earlier one does. A
    /// category that cannot be decided owns too: the decision about the object then says what failed.
    #[must_use]
    pub fn owns(&self, source: &SourceObject) -> bool {
        !matches!(self.filters.category.refusal(&Inputs::of(self, source, false)), Ok(Some(_)))
    }

    /// True where there are objects that the mapping ignores, whatever is remembered of them.
    #[must_use]
    pub fn passes_by(&self) -> bool {
        !self.filters.input.is_empty()
    }

    /// The groups of which filters ask whether an object is a member.
    pub fn member_groups(&self) -> impl Iterator<Item = &Anchor> {
        self.filters.member_groups()
    }

    /// The matching attributes, by rising priority.
    pub fn matching(&self) -> impl Iterator<Item = &AttributeFlow> {
        self.matching.iter().filter_map(|position| self.flows.get(*position))
    }
}

/// How the value of a target attribute is computed.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the attribute's definition")]
#[derive(Debug)]
pub struct AttributeFlow {
    /// The target attribute.
    pub attribute: Name,
    /// The computation; none where only the default flows.
    pub(crate) source: Option<Source>,
    /// Flows at creation where the source gives null.
    pub(crate) default: Value,
    /// When it flows.
    pub(crate) flow_type: FlowType,
    /// Whether it takes part in an update unchanged.
    pub(crate) behavior: FlowBehavior,
    /// Who may write the target attribute.
    pub(crate) mutability: Mutability,
    /// The type of the target attribute.
    pub(crate) kind: AttributeType,
    /// True where the target attribute holds several values.
    pub(crate) multivalued: bool,
    /// How texts compare.
    pub case_exact: bool,
    /// True where an account cannot be made without it.
    pub(crate) required: bool,
    /// True where both null gates are open.
    pub(crate) null_flows: bool,
    /// True where the value may not be shown.
    pub redacted: bool,
    /// True where the computation reads `IsSoftDeleted`.
    pub(crate) reads_soft_deleted: bool,
}

impl AttributeFlow {
    /// The source attribute that the value comes from, where it comes from a single one.
    #[must_use]
    pub fn source_attribute<'m>(&self, mapping: &'m Mapping) -> Option<&'m Name> {
        match self.source.as_ref()?.slots.as_slice() {
            [Slot::Attribute(position)] => mapping.source_attributes.get(*position),
            _ => None,
        }
    }
}

/// A compiled expression, with its attributes as positions in the mapping's list.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) compiled: Compiled,
    pub(crate) slots: Vec<Slot>,
}

/// Where the value of an attribute comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// A source attribute, by its position in the mapping's list.
    Attribute(usize),
    /// `IsSoftDeleted`, which is computed.
    SoftDeleted,
}

/// How a reference attribute flows: unchanged, from anchors of the source to anchors of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceFlow {
    /// The source attribute.
    pub source: Name,
    /// The target attribute.
    pub attribute: Name,
    /// True where the target attribute holds several values. At the source such attributes never travel inside an
    /// object.
    pub multivalued: bool,
    /// True where the source attribute travels inside an object.
    pub inline: bool,
    /// When references flow: always, only when the account is made, only where the account has none (one that travels
    /// inside an object), or never to be removed.
    pub(crate) flow_type: FlowType,
}

impl ReferenceFlow {
    /// True where references flow after the account was made.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.flow_type != FlowType::ObjectAddOnly
    }

    /// True where references that the source no longer has are removed.
    #[must_use]
    pub fn removes(&self) -> bool {
        matches!(self.flow_type, FlowType::Always | FlowType::AttributeAddOnly)
    }

    /// True where only an account without a reference gets one.
    #[must_use]
    pub fn fills(&self) -> bool {
        self.flow_type == FlowType::AttributeAddOnly
    }
}

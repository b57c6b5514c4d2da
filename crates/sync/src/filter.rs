//! Scoping filters: groups with AND inside and OR between.
//!
//! A clause on null is false, but for the null tests; in `inputFilterGroups` a negative clause holds on null.

mod operator;
mod test;

use model::schema::{AttributeType, FilterClause, FilterGroup};
use model::{Anchor, Failure, FailureCode, Name, Value};

pub use operator::{FilterOperator, MultivaluedComparison, filter_operators};

use operator::Operator;
use test::Test;

/// The property by which a clause says which values of a multi-valued attribute must satisfy it.
const COMPARISON: &str = "multivaluedComparisonType";

/// What clauses can see of an object.
pub(crate) trait Scoped {
    /// The value of an attribute, by its position.
    fn value(&self, position: usize) -> &Value;

    /// What `IsSoftDeleted` is: true where the object is in the bin, disabled or not entitled. The scope itself is not
    /// part of it, since clauses decide about that.
    fn soft_deleted(&self) -> bool {
        false
    }

    /// True where the object is a member of a group.
    fn is_member_of(&self, _group: &Anchor) -> bool {
        false
    }
}

/// What a clause reads, as the object type's definition has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// An attribute, by its position, with its type.
    Attribute(usize, AttributeType),
    /// An attribute that no definition lists, by its position: its values have the type that they come in.
    Undeclared(usize),
    /// `IsSoftDeleted`, which is computed.
    SoftDeleted,
}

/// The filters of an object mapping.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// `categoryFilterGroups`: whether the mapping owns an object.
    pub(crate) category: Groups,
    /// `inputFilterGroups`: whether the mapping looks at it at all.
    pub(crate) input: Groups,
    /// `groups`: whether it is in scope.
    pub(crate) scope: Groups,
}

impl Filters {
    /// The groups whose members must be known.
    pub(crate) fn member_groups(&self) -> impl Iterator<Item = &Anchor> {
        [&self.category, &self.input, &self.scope].into_iter().flat_map(Groups::member_groups)
    }
}

/// Filter groups; none accept everything.
#[derive(Debug, Default)]
pub(crate) struct Groups(Vec<Vec<Clause>>);

#[derive(Debug)]
struct Clause {
    attribute: Name,
    operator: Operator,
    operands: Vec<String>,
    asks: Asks,
    comparison: MultivaluedComparison,
    /// What the clause says of null.
    on_null: bool,
}

#[derive(Debug)]
enum Asks {
    /// Whether the object is a member of one of these groups.
    Membership(Vec<Anchor>),
    /// Whether values satisfy a test.
    Value(Operand, Test),
}

impl Groups {
    /// True where nothing is refused.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compiles groups. `operand` finds an attribute among those that a clause can read, or says what is wrong with its
    /// name. `negative_on_null` is what a negative clause says of null.
    pub(crate) fn compile(
        groups: Option<&Vec<FilterGroup>>,
        negative_on_null: bool,
        operand: &mut dyn FnMut(&str) -> Result<Operand, String>,
    ) -> Result<Self, String> {
        let groups = groups.map_or(&[][..], Vec::as_slice);
        let compiled: Result<Vec<_>, String> = groups
            .iter()
            .filter(|group| !group.clauses.is_empty())
            .map(|group| {
                group
                    .clauses
                    .iter()
                    .map(|clause| Clause::compile(clause, negative_on_null, operand))
                    .collect()
            })
            .collect();
        compiled.map(Self)
    }

    /// The groups whose members must be known.
    pub(crate) fn member_groups(&self) -> impl Iterator<Item = &Anchor> {
        self.0.iter().flatten().flat_map(|clause| match &clause.asks {
            Asks::Membership(groups) => &groups[..],
            Asks::Value(..) => &[],
        })
    }

    /// Nothing where an object satisfies the groups; otherwise the clause that decided, in words. A pattern that gives
    /// up on a value is a failure: it must not look like a refusal, which ends an access.
    pub(crate) fn refusal(&self, object: &impl Scoped) -> Result<Option<String>, Failure> {
        let mut refusal = None;
        for group in &self.0 {
            match first_refusal(group, object)? {
                None => return Ok(None),
                Some(clause) => refusal = refusal.or(Some(clause)),
            }
        }
        Ok(refusal.map(Clause::describe))
    }
}

fn first_refusal<'c>(group: &'c [Clause], object: &impl Scoped) -> Result<Option<&'c Clause>, Failure> {
    for clause in group {
        if !clause.holds(object)? {
            return Ok(Some(clause));
        }
    }
    Ok(None)
}

impl Clause {
    fn compile(
        clause: &FilterClause,
        negative_on_null: bool,
        operand: &mut dyn FnMut(&str) -> Result<Operand, String>,
    ) -> Result<Self, String> {
        let attribute = clause.source_operand_name.as_deref().unwrap_or_default();
        let name = clause.operator_name.as_deref().unwrap_or_default();
        let operator = Operator::of(name).ok_or_else(|| {
            let known = Operator::ALL.map(Operator::name).join(", ");
            format!("the filter on '{attribute}' has the operator '{name}'; use one of {known}")
        })?;
        let operands = clause.target_operand.as_ref().map_or(&[][..], |operand| &operand.values);
        if !operator.is_unary() && operands.is_empty() {
            return Err(format!("the filter '{attribute} {name}' lacks the value to compare with"));
        }
        let asks = if operator == Operator::IsMemberOf {
            Asks::Membership(operands.iter().map(|group| Anchor::new(group.trim())).collect())
        } else {
            let operand = operand(attribute)?;
            let kind = match operand {
                Operand::Attribute(_, kind) => kind,
                Operand::Undeclared(_) => AttributeType::String,
                Operand::SoftDeleted => AttributeType::Boolean,
            };
            let is_truth = matches!(operator, Operator::IsTrue | Operator::IsFalse);
            if is_truth && kind != AttributeType::Boolean && !matches!(operand, Operand::Undeclared(_)) {
                return Err(format!(
                    "the filter '{attribute} {name}' asks for a truth, but the attribute has the type {kind:?}; compare it \
                     with EQUALS"
                ));
            }
            let test = Test::new(operator, kind, operands)
                .map_err(|problem| format!("the filter '{attribute} {name}': {problem}"))?;
            Asks::Value(operand, test)
        };
        Ok(Self {
            attribute: attribute.into(),
            operator,
            operands: if operator.is_unary() { Vec::new() } else { operands.to_vec() },
            asks,
            comparison: comparison(clause, operator)?,
            on_null: operator == Operator::IsNull || (operator.is_negative() && negative_on_null),
        })
    }

    fn holds(&self, object: &impl Scoped) -> Result<bool, Failure> {
        match &self.asks {
            Asks::Membership(groups) => Ok(groups.iter().any(|group| object.is_member_of(group))),
            Asks::Value(Operand::SoftDeleted, test) => {
                self.values_hold(&Value::Boolean(object.soft_deleted()), AttributeType::Boolean, test)
            }
            Asks::Value(Operand::Attribute(position, kind), test) => {
                self.values_hold(object.value(*position), *kind, test)
            }
            Asks::Value(Operand::Undeclared(position), test) => {
                self.values_hold(object.value(*position), AttributeType::String, test)
            }
        }
    }

    fn values_hold(&self, value: &Value, kind: AttributeType, test: &Test) -> Result<bool, Failure> {
        if value.is_null() || self.operator == Operator::IsNull {
            return Ok(value.is_null() && self.on_null);
        }
        let negated = self.operator.is_negative();
        let all = self.comparison == MultivaluedComparison::All;
        for one in value.values() {
            let holds = test.holds(kind, one).map_err(|problem| {
                let words = format!("the filter on '{}': the {problem}", self.attribute);
                Failure::new(FailureCode::ExpressionFailed, words)
            })?;
            if (holds != negated) != all {
                return Ok(!all);
            }
        }
        Ok(all)
    }

    fn describe(&self) -> String {
        let operator = self.operator.name();
        if self.operands.is_empty() {
            format!("{} {operator} does not hold", self.attribute)
        } else {
            format!("{} {operator} '{}' does not hold", self.attribute, self.operands.join("', '"))
        }
    }
}

/// Which values must satisfy a clause: as it says itself, else as its operator has it.
fn comparison(clause: &FilterClause, operator: Operator) -> Result<MultivaluedComparison, String> {
    match clause.extra.get(COMPARISON) {
        None => Ok(operator.comparison()),
        Some(said) if said.is_null() => Ok(operator.comparison()),
        Some(said) => said.as_str().and_then(MultivaluedComparison::of).ok_or_else(|| {
            let attribute = clause.source_operand_name.as_deref().unwrap_or_default();
            format!("the filter on '{attribute}' has the {COMPARISON} {said}; use All or Any")
        }),
    }
}

#[cfg(test)]
mod tests;

//! Scoping filters: groups with AND inside and OR between.
//!
//! A clause on null is false, but for the null tests; in `inputFilterGroups` a negative clause holds on null.

use expression::{BoundedRegex, Lookup};
use model::schema::{AttributeType, FilterClause, FilterGroup};
use model::{Failure, FailureCode, Name, Value};

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

/// Filter groups; none accept everything.
#[derive(Debug, Default)]
pub(crate) struct Groups(Vec<Vec<Clause>>);

#[derive(Debug)]
struct Clause {
    slot: usize,
    attribute: Name,
    operator: Operator,
    operands: Vec<Operand>,
    /// What the clause says of null.
    on_null: bool,
}

#[derive(Debug)]
enum Operand {
    Text(String),
    Pattern(String, BoundedRegex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    NotEquals,
    IsTrue,
    IsFalse,
    IsNull,
    IsNotNull,
    RegexMatch,
    NotRegexMatch,
}

impl Operator {
    const ALL: [Self; 8] = [
        Self::Equals,
        Self::NotEquals,
        Self::IsTrue,
        Self::IsFalse,
        Self::IsNull,
        Self::IsNotNull,
        Self::RegexMatch,
        Self::NotRegexMatch,
    ];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Equals => "EQUALS",
            Self::NotEquals => "NOT EQUALS",
            Self::IsTrue => "IS TRUE",
            Self::IsFalse => "IS FALSE",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::RegexMatch => "REGEX MATCH",
            Self::NotRegexMatch => "NOT REGEX MATCH",
        }
    }

    /// The types of attributes that it can tell something about.
    fn types(self) -> &'static [AttributeType] {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, String};
        match self {
            Self::IsTrue | Self::IsFalse => &[Boolean],
            Self::RegexMatch | Self::NotRegexMatch => &[String],
            _ => &[String, Integer, Reference, Binary, Boolean, DateTime],
        }
    }

    fn is_unary(self) -> bool {
        matches!(self, Self::IsTrue | Self::IsFalse | Self::IsNull | Self::IsNotNull)
    }

    fn is_negative(self) -> bool {
        matches!(self, Self::NotEquals | Self::NotRegexMatch)
    }
}

/// An operator that a clause of a scoping filter may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterOperator {
    /// Its name, such as `NOT EQUALS`.
    pub name: &'static str,
    /// True where it takes no value to compare with.
    pub unary: bool,
    /// True where it must hold of all values of a multi-valued attribute; otherwise one is enough.
    pub of_all_values: bool,
    /// The types of attributes that it can tell something about.
    pub types: &'static [AttributeType],
}

/// The operators that a clause of a scoping filter may use.
pub fn filter_operators() -> impl Iterator<Item = FilterOperator> {
    Operator::ALL.into_iter().map(|operator| FilterOperator {
        name: operator.name(),
        unary: operator.is_unary(),
        of_all_values: operator.is_negative(),
        types: operator.types(),
    })
}

impl Groups {
    /// Compiles groups. `slot` gives an attribute's position among the source attributes, or says what is wrong with
    /// its name. `negative_on_null` is what a negative clause says of null.
    pub(crate) fn compile(
        groups: Option<&Vec<FilterGroup>>,
        negative_on_null: bool,
        slot: &mut dyn FnMut(&str) -> Result<usize, String>,
    ) -> Result<Self, String> {
        let groups = groups.map_or(&[][..], Vec::as_slice);
        let compiled: Result<Vec<_>, String> = groups
            .iter()
            .filter(|group| !group.clauses.is_empty())
            .map(|group| {
                group.clauses.iter().map(|clause| Clause::compile(clause, negative_on_null, slot)).collect()
            })
            .collect();
        compiled.map(Self)
    }

    /// Nothing where the values satisfy the groups; otherwise the clause that decided, in words. A pattern that gives
    /// up on a value is a failure: it must not look like a refusal, which ends an access.
    pub(crate) fn refusal<V: Lookup + ?Sized>(&self, values: &V) -> Result<Option<String>, Failure> {
        let mut refusal = None;
        for group in &self.0 {
            match first_refusal(group, values)? {
                None => return Ok(None),
                Some(clause) => refusal = refusal.or(Some(clause)),
            }
        }
        Ok(refusal.map(Clause::describe))
    }
}

fn first_refusal<'c>(
    group: &'c [Clause],
    values: &(impl Lookup + ?Sized),
) -> Result<Option<&'c Clause>, Failure> {
    for clause in group {
        if !clause.holds(values)? {
            return Ok(Some(clause));
        }
    }
    Ok(None)
}

impl Clause {
    fn compile(
        clause: &FilterClause,
        negative_on_null: bool,
        slot: &mut dyn FnMut(&str) -> Result<usize, String>,
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
        let operands: Result<Vec<_>, String> = operands
            .iter()
            .map(|operand| match operator {
                Operator::RegexMatch | Operator::NotRegexMatch => {
                    BoundedRegex::new(operand).map(|regex| Operand::Pattern(operand.clone(), regex)).map_err(
                        |error| format!("the filter on '{attribute}' has the pattern '{operand}': {error}"),
                    )
                }
                _ => Ok(Operand::Text(operand.clone())),
            })
            .collect();
        Ok(Self {
            slot: slot(attribute)?,
            attribute: attribute.into(),
            operator,
            operands: operands?,
            on_null: operator == Operator::IsNull || (operator.is_negative() && negative_on_null),
        })
    }

    fn holds(&self, values: &(impl Lookup + ?Sized)) -> Result<bool, Failure> {
        let value = values.value(self.slot);
        if value.is_null() {
            return Ok(self.on_null);
        }
        let any = |truth: bool| value.values().iter().any(|one| one.as_boolean() == Some(truth));
        Ok(match self.operator {
            Operator::IsNull => false,
            Operator::IsNotNull => true,
            Operator::IsTrue => any(true),
            Operator::IsFalse => any(false),
            Operator::Equals | Operator::RegexMatch => self.any_operand(value)?,
            Operator::NotEquals | Operator::NotRegexMatch => !self.any_operand(value)?,
        })
    }

    /// True where one of the values is one of the operands.
    fn any_operand(&self, value: &Value) -> Result<bool, Failure> {
        for one in value.values() {
            for operand in &self.operands {
                if self.equals(operand, one)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn equals(&self, operand: &Operand, value: &Value) -> Result<bool, Failure> {
        match (operand, value) {
            (Operand::Text(text), Value::Text(value)) => Ok(value == text),
            (Operand::Text(text), Value::Boolean(value)) => Ok(text.eq_ignore_ascii_case(&value.to_string())),
            (Operand::Text(text), other) => Ok(*text == other.to_string()),
            (Operand::Pattern(text, regex), value) => {
                let matched = match value {
                    Value::Text(value) => regex.is_match(value),
                    other => regex.is_match(&other.to_string()),
                };
                matched.map_err(|error| {
                    let words =
                        format!("the filter pattern '{text}' on '{}' gave up: {error}", self.attribute);
                    Failure::new(FailureCode::ExpressionFailed, words)
                })
            }
        }
    }

    fn describe(&self) -> String {
        let operands: Vec<&str> = self
            .operands
            .iter()
            .map(|operand| match operand {
                Operand::Text(text) | Operand::Pattern(text, _) => text.as_str(),
            })
            .collect();
        let operator = self.operator.name();
        if operands.is_empty() {
            format!("{} {operator} does not hold", self.attribute)
        } else {
            format!("{} {operator} '{}' does not hold", self.attribute, operands.join("', '"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::schema::FilterOperand;

    fn clause(operator: &str, operand: Option<&str>) -> FilterClause {
        FilterClause {
            source_operand_name: Some("a".into()),
            operator_name: Some(operator.into()),
            target_operand: operand
                .map(|value| FilterOperand { values: vec![value.into()], ..FilterOperand::default() }),
            ..FilterClause::default()
        }
    }

    fn holds(operator: &str, operand: Option<&str>, value: &Value) -> bool {
        let clauses = vec![clause(operator, operand)];
        let groups = vec![FilterGroup { clauses, ..FilterGroup::default() }];
        let compiled = Groups::compile(Some(&groups), false, &mut |_| Ok(0)).unwrap();
        compiled.refusal(&[value][..]).unwrap().is_none()
    }

    #[test]
    fn operators_by_table() {
        let text = Value::from("Sales");
        let several = Value::list(["Sales".into(), "IT".into()]);
        let rows: &[(&str, Option<&str>, &Value, bool)] = &[
            ("EQUALS", Some("Sales"), &text, true),
            ("EQUALS", Some("sales"), &text, false),
            ("EQUALS", Some("IT"), &several, true),
            ("EQUALS", Some("x"), &Value::Null, false),
            ("EQUALS", Some("true"), &Value::Boolean(true), true),
            ("EQUALS", Some("5"), &Value::Integer(5), true),
            ("NOT EQUALS", Some("IT"), &text, true),
            ("NOT EQUALS", Some("IT"), &several, false),
            ("NOT EQUALS", Some("x"), &Value::Null, false),
            ("IS NULL", None, &Value::Null, true),
            ("IS NULL", None, &text, false),
            ("IS NOT NULL", None, &text, true),
            ("IS NOT NULL", None, &Value::Null, false),
            ("IS TRUE", None, &Value::Boolean(true), true),
            ("IS FALSE", None, &Value::Boolean(true), false),
            ("REGEX MATCH", Some("^S.l"), &text, true),
            ("REGEX MATCH", Some("^x"), &text, false),
            ("NOT REGEX MATCH", Some("^x"), &text, true),
        ];
        for (operator, operand, value, expected) in rows {
            assert_eq!(holds(operator, *operand, value), *expected, "{value:?} {operator} {operand:?}");
        }
    }

    #[test]
    fn groups_are_joined_by_or_and_clauses_by_and() {
        let group = |operands: &[&str]| FilterGroup {
            clauses: operands.iter().map(|operand| clause("REGEX MATCH", Some(operand))).collect(),
            ..FilterGroup::default()
        };
        let groups = vec![group(&["^a", "z$"]), group(&["^b"])];
        let compiled = Groups::compile(Some(&groups), false, &mut |_| Ok(0)).unwrap();
        assert_eq!(compiled.refusal(&[&"a-z".into()][..]), Ok(None));
        assert_eq!(compiled.refusal(&[&"b".into()][..]), Ok(None));
        assert_eq!(compiled.refusal(&[&"a".into()][..]), Ok(Some("a REGEX MATCH 'z$' does not hold".into())));
        assert_eq!(Groups::compile(None, false, &mut |_| Ok(0)).unwrap().refusal::<[&Value]>(&[]), Ok(None));
    }

    #[test]
    fn negative_input_clauses_pass_on_null() {
        let groups =
            vec![FilterGroup { clauses: vec![clause("NOT EQUALS", Some("x"))], ..FilterGroup::default() }];
        let compiled = Groups::compile(Some(&groups), true, &mut |_| Ok(0)).unwrap();
        assert_eq!(compiled.refusal(&[&Value::Null][..]), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |clause: FilterClause| {
            let groups = vec![FilterGroup { clauses: vec![clause], ..FilterGroup::default() }];
            Groups::compile(Some(&groups), false, &mut |_| Ok(0)).unwrap_err()
        };
        assert!(wrong(clause("LIKE", Some("x"))).contains("EQUALS, NOT EQUALS"));
        assert!(wrong(clause("EQUALS", None)).contains("lacks the value"));
        assert!(wrong(clause("REGEX MATCH", Some("("))).contains("pattern '('"));
    }
}

use model::schema::FilterOperand;

use super::*;

/// One object with one attribute.
struct Object<'v> {
    value: &'v Value,
    soft_deleted: bool,
    groups: &'v [&'v str],
}

impl<'v> Object<'v> {
    fn with(value: &'v Value) -> Self {
        Self { value, soft_deleted: false, groups: &[] }
    }
}

impl Scoped for Object<'_> {
    fn value(&self, _: usize) -> &Value {
        self.value
    }

    fn soft_deleted(&self) -> bool {
        self.soft_deleted
    }

    fn is_member_of(&self, group: &Anchor) -> bool {
        self.groups.contains(&group.as_str())
    }
}

fn clause(operator: &str, operands: &[&str]) -> FilterClause {
    FilterClause {
        source_operand_name: Some("a".into()),
        operator_name: Some(operator.into()),
        target_operand: (!operands.is_empty()).then(|| FilterOperand {
            values: operands.iter().map(|one| (*one).to_owned()).collect(),
            ..FilterOperand::default()
        }),
        ..FilterClause::default()
    }
}

fn group(clauses: Vec<FilterClause>) -> FilterGroup {
    FilterGroup { clauses, ..FilterGroup::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass literals")]
fn compiled(groups: Vec<FilterGroup>, kind: AttributeType) -> Result<Groups, String> {
    Groups::compile(Some(&groups), false, &mut |name| {
        Ok(if name == "IsSoftDeleted" { Operand::SoftDeleted } else { Operand::Attribute(0, kind) })
    })
}

fn holds(operator: &str, operands: &[&str], kind: AttributeType, value: &Value) -> bool {
    let groups = compiled(vec![group(vec![clause(operator, operands)])], kind).unwrap();
    groups.refusal(&Object::with(value)).unwrap().is_none()
}

/// Operator, operands, value and whether the clause holds.
type Row<'r> = (&'r str, &'r [&'r str], Value, bool);

fn check(kind: AttributeType, rows: &[Row<'_>]) {
    for (operator, operands, value, expected) in rows {
        assert_eq!(holds(operator, operands, kind, value), *expected, "{value:?} {operator} {operands:?}");
    }
}

fn texts<const N: usize>(values: [&str; N]) -> Value {
    Value::list(values.map(Value::from))
}

#[test]
fn operators_on_texts() {
    check(
        AttributeType::String,
        &[
            ("EQUALS", &["Sales"], "Sales".into(), true),
            ("EQUALS", &["sales"], "Sales".into(), false),
            ("equals", &["Sales"], "Sales".into(), true),
            ("EQUALS", &[""], "".into(), true),
            ("NOT EQUALS", &["IT"], "Sales".into(), true),
            ("NOT EQUALS", &["Sales"], "Sales".into(), false),
            ("NOT EQUALS", &["sales"], "Sales".into(), true),
            ("IN", &["IT", "Sales"], "Sales".into(), true),
            ("IN", &["IT", "HR"], "Sales".into(), false),
            ("IS NULL", &[], "Sales".into(), false),
            ("IS NULL", &[], "".into(), false),
            ("IS NOT NULL", &[], "Sales".into(), true),
            ("IS NOT NULL", &["ignored"], "Sales".into(), true),
            ("REGEX MATCH", &["^S.l"], "Sales".into(), true),
            ("REGEX MATCH", &["ale"], "Sales".into(), true),
            ("REGEX MATCH", &["^x"], "Sales".into(), false),
            ("REGEX MATCH", &[r".*\@example.com"], "ada@example.com".into(), true),
            ("NOT REGEX MATCH", &["^x"], "Sales".into(), true),
            ("NOT REGEX MATCH", &["^S"], "Sales".into(), false),
            ("Includes", &["ale"], "Sales".into(), true),
            ("Includes", &["ALE"], "Sales".into(), false),
            ("Includes", &["x", "le"], "Sales".into(), true),
            ("ENDS_WITH", &["les"], "Sales".into(), true),
            ("ENDS_WITH", &["Sal"], "Sales".into(), false),
            ("&", &["Sales, IT"], "Sales".into(), true),
            ("&", &["Sales, IT"], "HR".into(), false),
            ("!&", &["Sales, IT"], "HR".into(), true),
            ("!&", &["Sales, IT"], "IT".into(), false),
        ],
    );
}

#[test]
fn operators_on_texts_that_are_numbers_or_dates() {
    check(
        AttributeType::String,
        &[
            ("Greater_Than", &["5"], "10".into(), true),
            ("Greater_Than", &["10"], "9.5".into(), false),
            ("Greater_Than", &["5"], "many".into(), false),
            ("Greater_Than_OR_EQUALS", &["5"], "05".into(), true),
            ("Greater_Than", &["2024-01-31"], "2024-02-01".into(), true),
            ("Greater_Than", &["2024-01-31"], "1/30/2024".into(), false),
            ("Greater_Than", &["b"], "c".into(), true),
            ("Greater_Than", &["b"], "a".into(), false),
        ],
    );
}

#[test]
fn operators_on_integers_and_on_texts_in_their_place() {
    check(
        AttributeType::Integer,
        &[
            ("EQUALS", &["5"], 5.into(), true),
            ("EQUALS", &["5"], "5".into(), true),
            ("EQUALS", &["50"], 5.into(), false),
            ("NOT EQUALS", &["5"], 6.into(), true),
            ("IN", &["4", "5"], 5.into(), true),
            ("Greater_Than", &["5"], 6.into(), true),
            ("Greater_Than", &["5"], "6".into(), true),
            ("Greater_Than", &["5"], 5.into(), false),
            ("Greater_Than", &["4.5"], 5.into(), true),
            ("Greater_Than", &["-3"], (-2).into(), true),
            ("Greater_Than_OR_EQUALS", &["5"], 5.into(), true),
            ("Greater_Than_OR_EQUALS", &["6"], 5.into(), false),
            ("REGEX MATCH", &["^5$"], 5.into(), true),
            ("NOT REGEX MATCH", &["^5$"], 5.into(), false),
            ("Includes", &["1"], 514.into(), true),
            ("&", &["2"], 514.into(), true),
            ("&", &["2"], 512.into(), false),
            ("&", &["2"], "514".into(), true),
            ("&", &["6"], 2.into(), true),
            ("!&", &["2"], 512.into(), true),
            ("!&", &["2"], 514.into(), false),
        ],
    );
}

#[test]
fn operators_on_truths() {
    check(
        AttributeType::Boolean,
        &[
            ("IS TRUE", &[], true.into(), true),
            ("IS TRUE", &[], false.into(), false),
            ("IS TRUE", &[], "True".into(), true),
            ("IS FALSE", &[], false.into(), true),
            ("IS FALSE", &[], true.into(), false),
            ("EQUALS", &["true"], true.into(), true),
            ("EQUALS", &["True"], "true".into(), true),
            ("EQUALS", &["False"], true.into(), false),
            ("NOT EQUALS", &["True"], false.into(), true),
            ("IN", &["True", "False"], false.into(), true),
        ],
    );
}

#[test]
fn operators_on_moments() {
    let moment = Value::DateTime("2024-02-01T08:00:00Z".parse().unwrap());
    check(
        AttributeType::DateTime,
        &[
            ("EQUALS", &["2024-02-01T08:00:00Z"], moment.clone(), true),
            ("EQUALS", &["2/1/2024 8:00:00 AM"], moment.clone(), true),
            ("EQUALS", &["2024-02-01"], moment.clone(), false),
            ("Greater_Than", &["2024-02-01"], moment.clone(), true),
            ("Greater_Than", &["2024-02-01T09:00:00+01:00"], moment.clone(), false),
            ("Greater_Than_OR_EQUALS", &["2024-02-01T09:00:00+01:00"], moment.clone(), true),
            ("Greater_Than", &["2024-03-01"], "2024-03-02".into(), true),
            ("IS NOT NULL", &[], moment, true),
        ],
    );
}

#[test]
fn operators_on_references() {
    let boss = Value::Reference("p7".into());
    check(
        AttributeType::Reference,
        &[
            ("EQUALS", &["p7"], boss.clone(), true),
            ("EQUALS", &["P7"], boss.clone(), false),
            ("NOT EQUALS", &["p8"], boss.clone(), true),
            ("IN", &["p6", "p7"], boss.clone(), true),
            ("IS NULL", &[], boss.clone(), false),
            ("IS NOT NULL", &[], boss, true),
        ],
    );
}

/// A type that an operator can tell something about.
fn kind_for(operator: Operator) -> AttributeType {
    if operator.types() == [AttributeType::Boolean] { AttributeType::Boolean } else { AttributeType::Integer }
}

#[test]
fn null_satisfies_the_null_test_alone() {
    for operator in Operator::ALL.into_iter().filter(|one| *one != Operator::IsMemberOf) {
        let operands: &[&str] = if operator.is_unary() { &[] } else { &["5"] };
        for null in [Value::Null, Value::List(Vec::new())] {
            let held = holds(operator.name(), operands, kind_for(operator), &null);
            assert_eq!(held, operator == Operator::IsNull, "{}", operator.name());
        }
    }
}

#[test]
fn negative_input_clauses_pass_on_null() {
    for operator in Operator::ALL.into_iter().filter(|one| *one != Operator::IsMemberOf) {
        let operands: &[&str] = if operator.is_unary() { &[] } else { &["5"] };
        let groups = vec![group(vec![clause(operator.name(), operands)])];
        let slot = &mut |_: &str| Ok(Operand::Attribute(0, kind_for(operator)));
        let compiled = Groups::compile(Some(&groups), true, slot).unwrap();
        let held = compiled.refusal(&Object::with(&Value::Null)).unwrap().is_none();
        let expected = ["IS NULL", "NOT EQUALS", "NOT REGEX MATCH", "!&"].contains(&operator.name());
        assert_eq!(held, expected, "{}", operator.name());
    }
}

#[test]
fn of_several_values_all_or_any_must_satisfy_a_clause() {
    // Operator, operand, values, with All, with Any.
    let rows: [(&str, &str, Value, bool, bool); 10] = [
        ("EQUALS", "a", texts(["a", "a"]), true, true),
        ("EQUALS", "a", texts(["a", "b"]), false, true),
        ("EQUALS", "c", texts(["a", "b"]), false, false),
        ("NOT EQUALS", "c", texts(["a", "b"]), true, true),
        ("NOT EQUALS", "a", texts(["a", "b"]), false, true),
        ("NOT EQUALS", "a", texts(["a", "a"]), false, false),
        ("REGEX MATCH", "^a", texts(["ab", "b"]), false, true),
        ("NOT REGEX MATCH", "^a", texts(["ab", "b"]), false, true),
        ("Includes", "b", texts(["ab", "c"]), false, true),
        ("!&", "abc", texts(["a", "x"]), false, true),
    ];
    for (operator, operand, value, of_all, of_any) in rows {
        for (said, expected) in [("All", of_all), ("any", of_any)] {
            let mut clause = clause(operator, &[operand]);
            clause.extra.insert(COMPARISON.to_owned(), said.into());
            let groups = compiled(vec![group(vec![clause])], AttributeType::String).unwrap();
            let held = groups.refusal(&Object::with(&value)).unwrap().is_none();
            assert_eq!(held, expected, "{value:?} {operator} {operand} of {said}");
        }
        let default = Operator::of(operator).unwrap().comparison();
        let expected = if default == MultivaluedComparison::All { of_all } else { of_any };
        assert_eq!(holds(operator, &[operand], AttributeType::String, &value), expected, "{operator}");
    }
}

#[test]
fn groups_are_joined_by_or_and_clauses_by_and() {
    let all_match =
        |operands: &[&str]| group(operands.iter().map(|operand| clause("REGEX MATCH", &[operand])).collect());
    let groups = compiled(vec![all_match(&["^a", "z$"]), all_match(&["^b"])], AttributeType::String).unwrap();
    let refusal = |text: &str| groups.refusal(&Object::with(&text.into())).unwrap();
    assert_eq!(refusal("a-z"), None);
    assert_eq!(refusal("b"), None);
    assert_eq!(refusal("a").as_deref(), Some("a REGEX MATCH 'z$' does not hold"));
    let none = Groups::compile(None, false, &mut |_| Ok(Operand::SoftDeleted)).unwrap();
    assert_eq!(none.refusal(&Object::with(&Value::Null)), Ok(None));
}

#[test]
fn memberships_and_soft_deletion_are_facts_of_the_object() {
    let member =
        compiled(vec![group(vec![clause("IsMemberOf", &["g1", " g2 "])])], AttributeType::String).unwrap();
    let asked = Filters { scope: member, ..Filters::default() };
    assert_eq!(asked.member_groups().map(Anchor::as_str).collect::<Vec<_>>(), ["g1", "g2"]);
    for (groups, held) in [(&["g2"][..], true), (&["g3"], false), (&[], false)] {
        let object = Object { groups, ..Object::with(&Value::Null) };
        assert_eq!(asked.scope.refusal(&object).unwrap().is_none(), held, "{groups:?}");
    }
    let mut test = clause("IS FALSE", &[]);
    test.source_operand_name = Some("IsSoftDeleted".into());
    let active = compiled(vec![group(vec![test])], AttributeType::String).unwrap();
    for soft_deleted in [false, true] {
        let object = Object { soft_deleted, ..Object::with(&Value::Null) };
        assert_eq!(active.refusal(&object).unwrap().is_none(), !soft_deleted);
    }
}

#[test]
fn a_pattern_that_gives_up_fails_the_object() {
    let hostile = clause("REGEX MATCH", &[r"(?<=a)b"]);
    let groups = compiled(vec![group(vec![hostile])], AttributeType::String).unwrap();
    let failure = groups.refusal(&Object::with(&"a".repeat(1 << 18).into())).unwrap_err();
    assert_eq!(failure.code, FailureCode::ExpressionFailed);
    assert!(failure.detail.contains("filter on 'a'"), "{}", failure.detail);
}

/// Nobody has told the type of a directory extension.
#[test]
fn truths_of_undeclared_attributes_are_read_as_they_come() {
    for (value, truth) in [(Value::from(true), true), ("True".into(), true), (false.into(), false)] {
        let groups = [("IS TRUE", truth), ("IS FALSE", !truth)];
        for (operator, expected) in groups {
            let group = vec![group(vec![clause(operator, &[])])];
            let groups = Groups::compile(Some(&group), false, &mut |_| Ok(Operand::Undeclared(0))).unwrap();
            assert_eq!(groups.refusal(&Object::with(&value)).unwrap().is_none(), expected, "{value:?}");
        }
    }
}

#[test]
fn mistakes_are_named() {
    let wrong = |clause, kind| compiled(vec![group(vec![clause])], kind).unwrap_err();
    let string = AttributeType::String;
    assert!(wrong(clause("LIKE", &["x"]), string).contains("EQUALS, NOT EQUALS"));
    assert!(wrong(clause("EQUALS", &[]), string).contains("lacks the value"));
    assert!(wrong(clause("IsMemberOf", &[]), string).contains("lacks the value"));
    assert!(wrong(clause("REGEX MATCH", &["("]), string).contains("pattern '('"));
    assert!(wrong(clause("Greater_Than", &["x"]), AttributeType::Integer).contains("not a number"));
    assert!(wrong(clause("Greater_Than", &["5"]), AttributeType::DateTime).contains("not a date"));
    assert!(wrong(clause("Greater_Than", &["5"]), AttributeType::Boolean).contains("no order"));
    assert!(wrong(clause("&", &["x"]), AttributeType::Integer).contains("not a whole number"));
    assert!(wrong(clause("&", &["x"]), AttributeType::DateTime).contains("bits"));
    assert!(wrong(clause("IS TRUE", &[]), string).contains("has the type String; compare it with EQUALS"));
    assert!(wrong(clause("IS FALSE", &[]), AttributeType::Integer).contains("asks for a truth"));
    let mut odd = clause("EQUALS", &["x"]);
    odd.extra.insert(COMPARISON.to_owned(), "Some".into());
    assert!(wrong(odd, string).contains("use All or Any"));
}

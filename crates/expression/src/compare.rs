//! The comparisons.

use std::cmp::Ordering;

use model::Value;

use crate::convert;
use crate::date;
use crate::error::EvaluationError;
use crate::evaluate::Item;
use crate::run::{Run, too_many_operands};
use crate::tree::Operator;

/// Whether a comparison holds.
///
/// Equality compares text forms exactly, value by value, and null equals only null. The orders compare numbers where
/// both sides look like numbers, moments where both are moments, else text by code point; nothing is before or after
/// null.
pub(crate) fn compare<'a>(
    run: &mut Run<'a, '_>,
    left: &Item<'a>,
    operator: Operator,
    right: &Item<'a>,
    offset: u32,
) -> Result<bool, EvaluationError> {
    match operator {
        Operator::Equal => return Ok(equal(run, left, right)),
        Operator::NotEqual => return Ok(!equal(run, left, right)),
        _ => {}
    }
    if let Some(several) = [left, right].into_iter().find(|item| item.count() > 1) {
        return Err(too_many_operands(operator, offset, several.count()));
    }
    let Some(order) = order(run, left, right) else { return Ok(false) };
    Ok(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn equal<'a>(run: &mut Run<'a, '_>, left: &Item<'a>, right: &Item<'a>) -> bool {
    let count = left.count();
    count == right.count()
        && (0..count).all(|at| with_texts(run, left, right, at, |left, right| left == right))
}

fn order<'a>(run: &mut Run<'a, '_>, left: &Item<'a>, right: &Item<'a>) -> Option<Ordering> {
    if left.is_null() || right.is_null() {
        return None;
    }
    if let (Some(Value::Integer(left)), Some(Value::Integer(right))) = (value_at(left, 0), value_at(right, 0))
    {
        return Some(left.cmp(right));
    }
    let moment = |run: &Run<'a, '_>, item: &Item<'a>| match (item, value_at(item, 0)) {
        (_, Some(Value::DateTime(at))) => Some(date::civil(*at)),
        (Item::Text(text), _) => date::late(run.str(text)),
        (_, Some(Value::Text(text))) => date::late(text),
        _ => None,
    };
    if let (Some(left), Some(right)) = (moment(run, left), moment(run, right)) {
        return Some(left.cmp(&right));
    }
    Some(with_texts(run, left, right, 0, |left, right| {
        if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
            return left.cmp(&right);
        }
        match (convert::decimal(left), convert::decimal(right)) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => left.cmp(right),
        }
    }))
}

fn value_at<'i>(item: &'i Item<'_>, position: usize) -> Option<&'i Value> {
    item.as_value()?.values().get(position)
}

/// Hands the text forms of two single values to a test; what had to be written for it is dropped again.
fn with_texts<'a, R>(
    run: &mut Run<'a, '_>,
    left: &Item<'a>,
    right: &Item<'a>,
    position: usize,
    test: impl FnOnce(&str, &str) -> R,
) -> R {
    let top = run.top();
    let left = text_at(run, left, position);
    let right = text_at(run, right, position);
    let outcome = test(run.str(&left), run.str(&right));
    run.cut(top);
    outcome
}

fn text_at<'i>(run: &mut Run<'_, '_>, item: &'i Item<'_>, position: usize) -> crate::evaluate::Text<'i> {
    use crate::evaluate::Text;
    match (item, value_at(item, position)) {
        (Item::Text(text), _) => text.clone(),
        (_, Some(Value::Text(text))) => Text::Borrowed(text),
        (_, Some(Value::Reference(anchor))) => Text::Borrowed(anchor.as_str()),
        (_, Some(other)) => match run.write(other) {
            Text::Built(range) => Text::Built(range),
            Text::Borrowed(_) => Text::Borrowed(""),
        },
        (_, None) => Text::Borrowed(""),
    }
}

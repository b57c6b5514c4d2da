//! Dates and times.

use model::Value;

use crate::evaluate::{Invocation, Item, Outcome};
use crate::registry::{Example, Family, Function, Kind, NullRule, Returns};
use crate::run::Run;

fn now<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(Item::Owned(Value::DateTime(run.now(call)?)))
}

pub(crate) static FUNCTIONS: &[Function] = &[Function {
    name: "Now",
    null: NullRule::Other("takes no argument"),
    summary: "The present moment.",
    example: Example { expression: "Now()", attributes: &[], result: &["7/2/2021 3:33:38 PM"] },
    evaluate: now,
    ..DATE
}];

const DATE: Function =
    Function { family: Family::Date, returns: Returns::One(Kind::DateTime), ..Function::DEFAULT };

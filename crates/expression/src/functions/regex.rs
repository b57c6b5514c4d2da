//! Search and replacement.

use crate::evaluate::{Invocation, Item, Outcome};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter};
use crate::run::Run;

fn replace<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let Some(find) = run.text(call, 1)? else { return Ok(Item::Text(text)) };
    let replacement = run.text(call, 4)?;
    run.rewrite(|run, output| {
        let (text, find) = (run.str(&text), run.str(&find));
        let replacement = replacement.as_ref().map_or("", |text| run.str(text));
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(find).filter(|_| !find.is_empty()) {
            output.push_str(before);
            output.push_str(replacement);
            rest = after;
        }
        output.push_str(rest);
        Ok(())
    })
}

pub(crate) static FUNCTIONS: &[Function] = &[Function {
    name: "Replace",
    family: Family::Regex,
    parameters: &[
        Parameter::required("source", Kind::Text),
        Parameter::optional("Find", Kind::Text),
        Parameter::optional("RegularExpression", Kind::Text),
        Parameter::optional("RegularExpressionGroupName", Kind::Text),
        Parameter::optional("Replacement", Kind::Text),
        Parameter::optional("ReplacementPropertyName", Kind::Text),
        Parameter::optional("Template", Kind::Text),
    ],
    prints_omitted: true,
    null: NullRule::Other("null"),
    summary: "The source with every occurrence of a text replaced.",
    example: Example {
        expression: r#"Replace([mail], "@contoso.com", , , "", , )"#,
        attributes: &[("mail", &["ada@contoso.com"])],
        result: &["ada"],
    },
    evaluate: replace,
    ..Function::DEFAULT
}];

//! What holds for every text, tree and object.

use expression::{
    AnyAttributes, Flow, Placement, check, compile, from_source, parse, render_caret, to_source,
};
use model::schema::MappingSource;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::generate::Draws;
use crate::support::context;

fn without_texts(source: &MappingSource) -> MappingSource {
    let mut source = source.clone();
    source.expression = None;
    for parameter in &mut source.parameters {
        parameter.value = without_texts(&parameter.value);
    }
    source
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics_on_any_text(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.offset <= text.chars().count());
            prop_assert!(render_caret(&text, &error).contains('^'));
        }
    }

    #[test]
    fn parsing_never_panics_on_pieces_of_expressions(octets in vec(any::<u8>(), 0..60), cut in any::<usize>()) {
        let text = Draws(&octets).expression();
        let count = text.chars().count();
        let part: String = text.chars().skip(cut % (count + 1)).chain("([\"% &H-".chars()).collect();
        if let Err(error) = parse(&part) {
            prop_assert!(error.offset <= part.chars().count());
        }
    }

    #[test]
    fn printing_and_parsing_give_the_same_tree(octets in vec(any::<u8>(), 0..200)) {
        let text = Draws(&octets).expression();
        let tree = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let printed = tree.to_string();
        prop_assert_eq!(&parse(&printed).unwrap(), &tree, "{}", printed);
    }

    #[test]
    fn graph_trees_and_texts_give_the_same_tree(octets in vec(any::<u8>(), 0..200)) {
        let tree = parse(&Draws(&octets).expression()).unwrap();
        let source = to_source(&tree);
        prop_assert_eq!(&from_source(&source).unwrap(), &tree);
        // Without the texts, only the spelling of constants is left open.
        let bare = without_texts(&source);
        let again = from_source(&bare).unwrap();
        prop_assert_eq!(without_texts(&to_source(&again)), bare);
    }

    #[test]
    fn evaluation_never_panics_and_repeats_itself(
        octets in vec(any::<u8>(), 0..200),
        values in vec(any::<u8>(), 0..60),
    ) {
        let tree = parse(&Draws(&octets).expression()).unwrap();
        let _ = check(&tree, &AnyAttributes, Placement::ANYWHERE);
        let compiled = compile(&tree);
        let attributes = Draws(&values).attributes();
        let mut context = context();
        let first = compiled.evaluate_object(&attributes, &mut context);
        let second = compiled.evaluate_object(&attributes, &mut context);
        prop_assert_eq!(&first, &second);
        if let Ok(Flow::Value(model::Value::List(several))) = &first {
            prop_assert!(several.iter().all(|one| !matches!(one, model::Value::List(_) | model::Value::Null)));
        }
        let _ = compiled.unique_candidates(
            &compiled.attributes().iter().map(|name| attributes.get(name)).collect::<Vec<_>>()[..],
            &mut context,
        );
    }

    #[test]
    fn folding_changes_no_value(octets in vec(any::<u8>(), 0..200)) {
        // The same expression once with constants and once with attributes that hold them.
        let text = Draws(&octets).text();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut attributes = model::Attributes::new();
        attributes.set("mail", text.as_str().into());
        for shape in ["ToUpper(X)", "PCase(Append(X, X))", "Split(X, \",\")", "X < \"a\"", "CDate(X)", "Mid(X, 2, 3)"] {
            let folded = compile(&parse(&shape.replace('X', &format!("\"{quoted}\""))).unwrap());
            let unfolded = compile(&parse(&shape.replace('X', "[mail]")).unwrap());
            let folded = folded.evaluate_object(&attributes, &mut context()).map_err(|_| ());
            let unfolded = unfolded.evaluate_object(&attributes, &mut context()).map_err(|_| ());
            prop_assert_eq!(folded, unfolded, "{} of {:?}", shape, text);
        }
    }
}

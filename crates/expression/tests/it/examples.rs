//! The examples of the function table.

use expression::functions;

use crate::support::{attributes, evaluate};

#[test]
fn every_example_of_the_table_gives_what_it_says() {
    for function in functions() {
        let example = &function.example;
        let attributes = attributes(example.attributes.iter().map(|(name, values)| (*name, values.to_vec())));
        let found = evaluate(example.expression, &attributes);
        let expected: Vec<String> = example.result.iter().map(ToString::to_string).collect();
        assert_eq!(found, Ok(expected), "{}", example.expression);
        assert!(example.expression.contains(function.name), "{} is not in its example", function.name);
    }
}

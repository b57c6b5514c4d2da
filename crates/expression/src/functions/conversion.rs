//! From one type to another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Value;

use crate::convert;
use crate::evaluate::{Invocation, Item, Outcome};
use crate::registry::{Example, Family, Function, Kind, Parameter, Returns};
use crate::run::Run;

fn bit_and<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(left), Some(right)) = (run.integer(call, 0)?, run.integer(call, 1)?) else {
        return Ok(Item::Null);
    };
    Ok(Item::Owned(Value::Integer(left & right)))
}

fn c_bool<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let text = run.str(&text);
    match convert::boolean(text) {
        Some(truth) => Ok(Item::boolean(truth)),
        None => Err(call.error(format!("\"{}\" is neither a truth nor a number", convert::excerpt(text)))),
    }
}

fn c_str<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(run.text(call, 0)?.map_or(Item::Null, Item::Text))
}

fn convert_to_base64<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    run.rewrite(|run, output| {
        let octets: Vec<u8> = run.str(&text).encode_utf16().flat_map(u16::to_le_bytes).collect();
        STANDARD.encode_string(octets, output);
        Ok(())
    })
}

fn convert_to_utf8_hex<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    run.rewrite(|run, output| {
        for octet in run.str(&text).bytes() {
            for digit in [octet >> 4, octet & 15] {
                output.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
        Ok(())
    })
}

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "BitAnd",
        parameters: &[
            Parameter::required("left", Kind::Integer),
            Parameter::required("right", Kind::Integer),
        ],
        returns: Returns::One(Kind::Integer),
        summary: "The number with the bits that are set in both numbers.",
        example: Example { expression: "BitAnd(&HF, &HF7)", attributes: &[], result: &["7"] },
        evaluate: bit_and,
        ..CONVERSION
    },
    Function {
        name: "CBool",
        parameters: &[Parameter::required("source", Kind::Boolean)],
        returns: Returns::One(Kind::Boolean),
        summary: "True or False: of numbers only 0 is False.",
        example: Example {
            expression: "CBool([mail] = [userPrincipalName])",
            attributes: &[("mail", &["ada@contoso.com"]), ("userPrincipalName", &["ada@contoso.com"])],
            result: &["True"],
        },
        evaluate: c_bool,
        ..CONVERSION
    },
    Function {
        name: "CStr",
        parameters: &[SOURCE],
        summary: "The source as text.",
        example: Example {
            expression: "CStr([dn])",
            attributes: &[("dn", &["cn=Ada,dc=contoso,dc=com"])],
            result: &["cn=Ada,dc=contoso,dc=com"],
        },
        evaluate: c_str,
        ..CONVERSION
    },
    Function {
        name: "ConvertToBase64",
        parameters: &[SOURCE],
        summary: "The source's UTF-16 octets, low octet first, in base64.",
        example: Example {
            expression: r#"ConvertToBase64("Hello world!")"#,
            attributes: &[],
            result: &["SABlAGwAbABvACAAdwBvAHIAbABkACEA"],
        },
        evaluate: convert_to_base64,
        ..CONVERSION
    },
    Function {
        name: "ConvertToUTF8Hex",
        parameters: &[SOURCE],
        summary: "The source's UTF-8 octets in hexadecimal.",
        example: Example {
            expression: r#"ConvertToUTF8Hex("Hello world!")"#,
            attributes: &[],
            result: &["48656C6C6F20776F726C6421"],
        },
        evaluate: convert_to_utf8_hex,
        ..CONVERSION
    },
];

const SOURCE: Parameter = Parameter::required("source", Kind::Text);
const CONVERSION: Function = Function { family: Family::Conversion, ..Function::DEFAULT };

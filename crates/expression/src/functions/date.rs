//! Dates and times.

use jiff::civil::{Date, DateTime};
use model::Value;

use crate::convert;
use crate::date::{self, Fields, Interval, Moment, Pattern, Styles};
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Item, Outcome};
use crate::prepare::{Arguments, DateFormats, Known, Prepared, Unprepared};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns};
use crate::run::Run;

/// An argument as a moment; None where it is null.
fn moment<'a>(
    call: &'a Invocation,
    run: &mut Run<'a, '_>,
    position: usize,
) -> Result<Option<DateTime>, EvaluationError> {
    let item = run.argument(call, position)?;
    if let Some(Value::DateTime(at)) = item.as_value().and_then(Value::single) {
        return Ok(Some(date::civil(*at)));
    }
    let Some(text) = run.single_text(call, position, item)? else { return Ok(None) };
    let text = run.str(&text);
    let found = date::guess(text).map(|fields| complete(call, run, &fields, true)).transpose()?.flatten();
    match found {
        Some(found) => Ok(Some(found.at)),
        None => Err(call.error(format!(
            "\"{}\" is no date; give it as 2020-12-31T23:59:59Z or convert it with FormatDateTime",
            convert::excerpt(text)
        ))),
    }
}

/// The moment that the parts of a date amount to; the present day supplies what is missing.
fn complete(
    call: &Invocation,
    run: &Run<'_, '_>,
    fields: &Fields,
    from_today: bool,
) -> Result<Option<Moment>, EvaluationError> {
    let today =
        if fields.is_incomplete() && from_today { date::civil(run.now(call)?).date() } else { FIRST_DAY };
    Ok(fields.moment(today))
}

const FIRST_DAY: Date = Date::constant(1, 1, 1);

fn c_date<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(moment(call, run, 0)?.map_or(Item::Null, |at| Item::Owned(date::value(at))))
}

fn prepare_interval(arguments: &Arguments<'_>) -> Result<Prepared, Unprepared> {
    let Known::Text(name) = arguments.text(0) else { return Ok(Prepared::Nothing) };
    match Interval::of_name(&name) {
        Some(interval) => Ok(Prepared::Interval(interval)),
        None => Err(Unprepared { argument: Some(0), message: no_interval(&name) }),
    }
}

fn no_interval(name: &str) -> String {
    format!("\"{}\" is no interval; take {}", convert::excerpt(name), Interval::NAMES)
}

fn interval<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Result<Option<Interval>, EvaluationError> {
    if let Prepared::Interval(interval) = call.prepared {
        return Ok(Some(interval));
    }
    let Some(name) = run.text(call, 0)? else { return Ok(None) };
    let name = run.str(&name);
    Interval::of_name(name).map(Some).ok_or_else(|| call.error(no_interval(name)))
}

fn date_add<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(interval), Some(count), Some(at)) =
        (interval(call, run)?, run.integer(call, 1)?, moment(call, run, 2)?)
    else {
        return Ok(Item::Null);
    };
    match interval.add(at, count) {
        Some(moved) => Ok(Item::Owned(date::value(moved))),
        None => Err(call.error("the date lies beyond the years 1 to 9999")),
    }
}

fn date_diff<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(interval), Some(from), Some(to)) =
        (interval(call, run)?, moment(call, run, 1)?, moment(call, run, 2)?)
    else {
        return Ok(Item::Null);
    };
    Ok(Item::Owned(Value::Integer(interval.between(from, to))))
}

fn date_from_num<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(ticks) = run.integer(call, 0)? else { return Ok(Item::Null) };
    match date::from_file_time(ticks) {
        Some(at) => Ok(Item::Owned(date::value(at))),
        None => Err(call.error(format!("{ticks} is no file time of the years 1601 to 9999"))),
    }
}

fn num_from_date<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(at) = moment(call, run, 0)? else { return Ok(Item::Null) };
    match date::to_file_time(at) {
        Some(ticks) => Ok(Item::Owned(Value::Integer(ticks))),
        None => Err(call.error("file times begin in 1601")),
    }
}

const STYLES: usize = 1;
const INPUT: usize = 2;
const OUTPUT: usize = 3;

fn prepare_format(arguments: &Arguments<'_>) -> Result<Prepared, Unprepared> {
    let blame = |argument: usize| move |message: String| Unprepared { argument: Some(argument), message };
    let styles = match arguments.text(STYLES) {
        Known::Omitted => Some(Styles::default()),
        Known::Text(names) => Some(Styles::new(&names).map_err(blame(STYLES))?),
        Known::Later => None,
    };
    let pattern = |position: usize| match arguments.text(position) {
        Known::Text(format) => Pattern::new(&format).map(Some).map_err(blame(position)),
        _ => Ok(None),
    };
    Ok(Prepared::DateFormats(Box::new(DateFormats {
        styles,
        input: pattern(INPUT)?,
        output: pattern(OUTPUT)?,
    })))
}

/// The prepared pattern of an argument, or the one that its text is for this object; None where it is null.
fn with_pattern<'a, R>(
    call: &'a Invocation,
    run: &mut Run<'a, '_>,
    position: usize,
    prepared: Option<&Pattern>,
    then: impl FnOnce(&mut Run<'a, '_>, &Pattern) -> Result<R, EvaluationError>,
) -> Result<Option<R>, EvaluationError> {
    if let Some(pattern) = prepared {
        return then(run, pattern).map(Some);
    }
    let Some(format) = run.text(call, position)? else { return Ok(None) };
    let pattern = Pattern::new(run.str(&format)).map_err(|reason| call.error(reason))?;
    then(run, &pattern).map(Some)
}

fn format_date_time<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Prepared::DateFormats(formats) = &call.prepared else { return Ok(Item::Null) };
    let source = run.argument(call, 0)?;
    let moment = if let Some(Value::DateTime(at)) = source.as_value().and_then(Value::single) {
        Some(Moment { at: date::civil(*at), zoned: true })
    } else {
        let Some(text) = run.single_text(call, 0, source)? else { return Ok(Item::Null) };
        let styles = match formats.styles {
            Some(styles) => styles,
            None => match run.text(call, STYLES)? {
                Some(names) => Styles::new(run.str(&names)).map_err(|reason| call.error(reason))?,
                None => Styles::default(),
            },
        };
        with_pattern(call, run, INPUT, formats.input.as_ref(), |run, pattern| {
            let text = run.str(&text);
            let fields = date::read(text, pattern, styles);
            let found = fields
                .map(|fields| complete(call, run, &fields, !styles.no_current_date))
                .transpose()?
                .flatten();
            found.ok_or_else(|| {
                call.error(format!("\"{}\" does not have the input format", convert::excerpt(text)))
            })
        })?
    };
    let Some(moment) = moment else { return Ok(Item::Null) };
    let written = with_pattern(call, run, OUTPUT, formats.output.as_ref(), |run, pattern| {
        run.rewrite(|_, output| {
            date::write(moment, pattern, output);
            Ok(())
        })
    })?;
    Ok(written.unwrap_or(Item::Null))
}

fn now<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(Item::Owned(Value::DateTime(run.now(call)?)))
}

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "CDate",
        parameters: &[Parameter::required("source", Kind::DateTime)],
        summary: "The moment that a text means: ISO 8601, month/day/year, or with the name of the month. Without a zone \
                  it is in UTC.",
        example: Example {
            expression: "CDate([hireDate])",
            attributes: &[("hireDate", &["2020-03-16-07:00"])],
            result: &["3/16/2020 7:00:00 AM"],
        },
        evaluate: c_date,
        ..DATE
    },
    Function {
        name: "DateAdd",
        parameters: &[
            Parameter::required("interval", Kind::Text),
            Parameter::required("value", Kind::Integer),
            Parameter::required("dateTime", Kind::DateTime),
        ],
        summary: "The moment moved by so many intervals: yyyy years, m months, ww weeks, d days, h hours, n minutes or \
                  s seconds.",
        example: Example {
            expression: r#"DateAdd("d", 7, CDate([hireDate]))"#,
            attributes: &[("hireDate", &["2012-03-16-07:00"])],
            result: &["3/23/2012 7:00:00 AM"],
        },
        prepare: prepare_interval,
        evaluate: date_add,
        ..DATE
    },
    Function {
        name: "DateDiff",
        parameters: &[
            Parameter::required("interval", Kind::Text),
            Parameter::required("date1", Kind::DateTime),
            Parameter::required("date2", Kind::DateTime),
        ],
        returns: Returns::One(Kind::Integer),
        summary: "How many intervals the second date is after the first. Days and less are elapsed time, cut toward \
                  zero; months and years count calendar boundaries; weeks run from Sunday to Sunday.",
        example: Example {
            expression: r#"DateDiff("d", CDate("2021-08-18"), CDate("2021-08-31"))"#,
            attributes: &[],
            result: &["13"],
        },
        prepare: prepare_interval,
        evaluate: date_diff,
        ..DATE
    },
    Function {
        name: "DateFromNum",
        parameters: &[Parameter::required("source", Kind::Integer)],
        summary: "The moment of a Windows file time: 100 nanoseconds since 1601.",
        example: Example {
            expression: "DateFromNum(129699324000000000)",
            attributes: &[],
            result: &["1/1/2012 11:00:00 PM"],
        },
        evaluate: date_from_num,
        ..DATE
    },
    Function {
        name: "FormatDateTime",
        parameters: &[
            Parameter::required("source", Kind::DateTime),
            Parameter::optional("dateTimeStyle", Kind::Text),
            Parameter::required("inputFormat", Kind::Text),
            Parameter::required("outputFormat", Kind::Text),
        ],
        returns: Returns::One(Kind::Text),
        summary: "The date in another format. Formats are .NET's, standard or custom; the result is in UTC. A source \
                  that is a date-time already needs no input format to be read.",
        example: Example {
            expression: r#"FormatDateTime([end], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
            attributes: &[("end", &["20150123105347.1Z"])],
            result: &["2015-01-23"],
        },
        prepare: prepare_format,
        evaluate: format_date_time,
        ..DATE
    },
    Function {
        name: "Now",
        null: NullRule::Other("takes no argument"),
        summary: "The present moment.",
        example: Example { expression: "Now()", attributes: &[], result: &["7/2/2021 3:33:38 PM"] },
        evaluate: now,
        ..DATE
    },
    Function {
        name: "NumFromDate",
        parameters: &[Parameter::required("source", Kind::DateTime)],
        returns: Returns::One(Kind::Integer),
        summary: "The Windows file time of a moment: 100 nanoseconds since 1601.",
        example: Example {
            expression: r#"NumFromDate("2012-01-01T23:00:00Z")"#,
            attributes: &[],
            result: &["129699324000000000"],
        },
        evaluate: num_from_date,
        ..DATE
    },
];

const DATE: Function =
    Function { family: Family::Date, returns: Returns::One(Kind::DateTime), ..Function::DEFAULT };

//! Files of rows, read one row at a time: NDJSON, a JSON object in each line, and CSV with a header.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use graph::directory::Kind;
use serde_json::{Map, Value as Json};

use super::row::{Row, Wrong, cell, column, kind_of};

const NO_UTF8: &str = "this is not UTF-8: save the file as UTF-8";
/// Octets of one line of NDJSON at most.
const LONGEST: u64 = 1 << 20;

/// Read after the end of a table as a row of its own. Where it is part of the last row, that one never closes a quote, which
/// the reader of tables passes over.
const END: &[u8] = b"\n\x03\n";
/// The only cell of that row.
const END_CELL: &str = "\u{3}";

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: u64,
    /// The column of a table, or the character of a line, from 1.
    pub(crate) column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// A row that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) place: Place,
    pub(crate) words: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.words)
    }
}

/// The rows of a file.
pub(crate) struct Rows {
    file: PathBuf,
    reader: Reader,
    /// Nothing can be read after what is wrong here.
    ended: bool,
}

enum Reader {
    Lines { lines: BufReader<File>, line: u64 },
    Table { table: csv::Reader<Chain<File, Cursor<&'static [u8]>>>, names: Vec<String>, kind: Option<Kind> },
}

impl Rows {
    /// Opens a file, whose ending says what it is; `delimiter` stands between the cells of a table.
    pub(crate) fn open(path: &Path, delimiter: u8) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let reader = match ending.to_ascii_lowercase().as_str() {
            "ndjson" | "jsonl" | "json" => Reader::Lines { lines: BufReader::new(file), line: 0 },
            "csv" => Self::table(path, file, delimiter)?,
            _ => bail!(
                "{} ends in none of .ndjson, .jsonl, .json and .csv: rename it, so that its form is known",
                path.display()
            ),
        };
        Ok(Self { file: path.to_owned(), reader, ended: false })
    }

    fn table(path: &Path, file: File, delimiter: u8) -> Result<Reader> {
        let text = file.chain(Cursor::new(END));
        let mut table = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
        let headers = table.headers().map_err(|error| match error.kind() {
            csv::ErrorKind::Utf8 { .. } => anyhow!("{}:1: {NO_UTF8}", path.display()),
            _ => anyhow!("{}:1: {error}", path.display()),
        })?;
        let names: Vec<String> =
            headers.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let kind = kind_of(&known).map_err(|wrong| anyhow!("{}:1: {}", path.display(), wrong.words))?;
        // A mistake of the header is one mistake, and not one of each row.
        for (place, name) in (1..).zip(&names) {
            column(kind, name).map_err(|wrong| anyhow!("{}:1:{place}: {}", path.display(), wrong.words))?;
            if names.iter().take(place - 1).any(|earlier| earlier == name) {
                bail!("{}:1:{place}: there is a column '{name}' already: leave one out", path.display());
            }
        }
        Ok(Reader::Table { table, names, kind })
    }

    fn mistake(&self, line: u64, column: Option<u64>, words: impl Into<String>) -> Mistake {
        Mistake { place: Place { file: self.file.clone(), line, column }, words: words.into() }
    }

    fn next_line(&mut self) -> Option<Result<(Place, Row), Mistake>> {
        let Reader::Lines { lines, line } = &mut self.reader else { return None };
        let mut text = Vec::new();
        let number = loop {
            text.clear();
            *line += 1;
            match lines.by_ref().take(LONGEST + 1).read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) if text.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => break *line,
                Err(error) => {
                    let number = *line;
                    self.ended = true;
                    return Some(Err(self.mistake(
                        number,
                        None,
                        format!("the file cannot be read: {error}"),
                    )));
                }
            }
        };
        if text.len() as u64 > LONGEST {
            self.ended = true;
            let words =
                format!("the line has more than {LONGEST} octets: is this a file of one JSON object a line?");
            return Some(Err(self.mistake(number, None, words)));
        }
        let row = match serde_json::from_slice::<Json>(&text) {
            Ok(Json::Object(properties)) => Row::read(properties),
            Ok(_) => Err(Wrong {
                name: None,
                words: "the line is no JSON object: write one row a line".to_owned(),
            }),
            Err(error) => {
                let column = u64::try_from(error.column()).ok();
                // The message ends with a place within the line, which is told already.
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or(&words);
                return Some(Err(self.mistake(number, column, format!("the line is no JSON: {words}"))));
            }
        };
        let row = row.map_err(|wrong| {
            let key = wrong.name.as_ref().map(|name| format!("\"{name}\""));
            let text = String::from_utf8_lossy(&text);
            let column = key.and_then(|key| text.find(&key)).and_then(|at| u64::try_from(at + 1).ok());
            self.mistake(number, column, wrong.words)
        });
        Some(row.map(|row| (Place { file: self.file.clone(), line: number, column: None }, row)))
    }

    fn next_record(&mut self) -> Option<Result<(Place, Row), Mistake>> {
        let Reader::Table { table, names, kind } = &mut self.reader else { return None };
        let mut record = csv::StringRecord::new();
        match table.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                self.ended = error.is_io_error();
                let words = match error.kind() {
                    csv::ErrorKind::Utf8 { .. } => NO_UTF8.to_owned(),
                    _ => error.to_string(),
                };
                return Some(Err(self.mistake(line, None, words)));
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() == 1 && record.get(0) == Some(END_CELL) {
            return None;
        }
        if record.iter().any(|cell| cell.contains(END_CELL)) {
            self.ended = true;
            let words = "a quote is opened in this row or a later one and never closed, so that a part of the file is one cell";
            return Some(Err(self.mistake(line, None, words)));
        }
        let (cells, columns) = (record.len(), names.len());
        if cells != columns {
            let noun = if cells == 1 { "cell" } else { "cells" };
            let words = format!("the row has {cells} {noun}, but the header has {columns}");
            return Some(Err(self.mistake(line, None, words)));
        }
        let mut properties = Map::new();
        let mut outcome = Ok(());
        for (name, text) in names.iter().zip(record.iter()) {
            match cell(*kind, name, text.trim()) {
                Ok(Some(value)) => put(&mut properties, name, value),
                Ok(None) => {}
                Err(wrong) => {
                    outcome = Err(wrong);
                    break;
                }
            }
        }
        let row = outcome.and_then(|()| Row::read(properties)).map_err(|wrong| {
            let about = |name: &String| names.iter().position(|one| one == name);
            let column = wrong.name.as_ref().and_then(about).and_then(|at| u64::try_from(at + 1).ok());
            (column, wrong.words)
        });
        Some(match row {
            Ok(row) => Ok((Place { file: self.file.clone(), line, column: None }, row)),
            Err((column, words)) => Err(self.mistake(line, column, words)),
        })
    }
}

impl Iterator for Rows {
    type Item = Result<(Place, Row), Mistake>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.reader {
            Reader::Lines { .. } => self.next_line(),
            Reader::Table { .. } => self.next_record(),
        }
    }
}

/// Sets a property; `outer/inner` is a property of a property.
fn put(properties: &mut Map<String, Json>, name: &str, value: Json) {
    match name.split_once('/') {
        None => {
            properties.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let outer = properties.entry(outer).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(outer) = outer {
                outer.insert(inner.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a file of this name and text says: rows, and mistakes without the name of the file.
    fn rows(name: &str, text: &str) -> (Vec<Row>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for row in Rows::open(&path, b',').unwrap() {
            match row {
                Ok((_, row)) => good.push(row),
                Err(mistake) => bad.push(mistake.to_string().split_off(path.display().to_string().len())),
            }
        }
        (good, bad)
    }

    #[test]
    fn lines_are_rows() {
        let text = "{\"userPrincipalName\": \"ada@x.org\"}\n\n{\"userPrincipalName\": \"b@x.org\", \"citty\": 1}\n{bad\n[]\n{\"group\": \"g\", \"member\": \"m\"}";
        let (good, bad) = rows("people.ndjson", text);
        assert_eq!(good.len(), 2);
        let begins: Vec<&str> = bad.iter().map(|words| words.split(' ').next().unwrap()).collect();
        assert_eq!(begins, [":3:34:", ":4:2:", ":5:"], "{bad:?}");
        assert!(bad[0].contains("city"), "{bad:?}");
    }

    #[test]
    fn a_table_names_its_columns_once() {
        let text = "\u{feff}userPrincipalName,otherMails,employeeOrgData/division,accountEnabled,manager\n\
            ada@x.org,a@y.org;b@y.org,North,false,\n\"bob@x.org\",,,,ada@x.org\nc@x.org,1\nd@x.org,,,maybe,\n";
        let (good, bad) = rows("people.csv", text);
        let [Row::User { properties, .. }, Row::User { manager, .. }] = good.as_slice() else {
            panic!("{good:?}")
        };
        assert_eq!(properties["otherMails"], json!(["a@y.org", "b@y.org"]));
        assert_eq!(properties["employeeOrgData"], json!({"division": "North"}));
        assert_eq!(manager.as_deref(), Some("ada@x.org"));
        assert_eq!(bad.len(), 2);
        assert!(bad[0].starts_with(":4: the row has 2 cells"), "{bad:?}");
        assert!(bad[1].starts_with(":5:4: 'accountEnabled'"), "{bad:?}");
    }

    #[test]
    fn quotes_must_be_closed() {
        let text = "userPrincipalName,displayName\r\na@x.org,\"A \"\"B\"\"\r\nC\"\r\n\r\nb@x.org,B";
        let (good, bad) = rows("people.csv", text);
        let [Row::User { properties, .. }, _] = good.as_slice() else { panic!("{good:?} {bad:?}") };
        assert_eq!((&properties["displayName"], bad.len()), (&json!("A \"B\"\r\nC"), 0));
        // Without its end the cell would be the rest of the file, and its rows would be lost without a word.
        let (good, bad) =
            rows("people.csv", "userPrincipalName,displayName\na@x.org,A\nb@x.org,\"B\nc@x.org,C\n");
        assert_eq!((good.len(), bad.len()), (1, 1), "{bad:?}");
        assert!(bad[0].starts_with(":3: a quote is opened"), "{bad:?}");
    }

    #[test]
    fn a_file_must_say_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, word) in [
            ("a.xlsx", "", ".csv"),
            ("a.csv", "name,city\n", "userPrincipalName"),
            ("a.csv", "userPrincipalName,displayNam\n", "a.csv:1:2: Property 'displayNam'"),
            ("a.csv", "userPrincipalName,displayNam\n", "'displayName'?"),
            ("a.csv", "userPrincipalName,,city\n", "a.csv:1:2: the column has no name"),
            ("a.csv", "group,member,role\n", "a.csv:1:3: 'role'"),
            ("a.csv", "userPrincipalName,city,city\n", "a.csv:1:3: there is a column 'city' already"),
            ("a.csv", "u\u{0}serPrincipalName\n", "this is no user"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let error = Rows::open(&path, b',').err().unwrap();
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
        let path = folder.path().join("utf16.csv");
        std::fs::write(&path, b"\xff\xfeu\0s\0e\0r\0").unwrap();
        let error = Rows::open(&path, b',').err().unwrap();
        assert!(
            error.to_string().ends_with("utf16.csv:1: this is not UTF-8: save the file as UTF-8"),
            "{error}"
        );
    }
}

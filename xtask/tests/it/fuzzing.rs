//! The fuzz targets of what comes over the wire, on their seeds and on mutations of them.

#[path = "../../../fuzz/mutations.rs"]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod mutations;
#[path = "../../../fuzz/wire.rs"]
mod wire;

use mutations::Mutations;

const FILTERS: Mutations = Mutations {
    words: &[
        "(",
        ")",
        "'",
        "''",
        "/",
        "[",
        "]",
        "\"",
        "\\",
        ":",
        ",",
        ".",
        "\n",
        "é",
        "한",
        " and ",
        " or ",
        "not ",
        "not(",
        " eq ",
        " ne ",
        " in (",
        " co ",
        " pr",
        "null",
        "true",
        "-1",
        "9223372036854775808",
        "1e999",
        "any(a:a eq 1)",
        "startswith(",
        "emails[type eq \"work\"].value",
        "urn:ietf:params:scim:schemas:core:2.0:User:",
        "2024-02-30",
        "T24:00:00Z",
        "$count",
    ],
    longest: 600,
};

const DOCUMENTS: Mutations = Mutations {
    words: &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\u0000",
        "null",
        "true",
        "-1",
        "1e400",
        "\"\"",
        "{}",
        "[]",
        "\"op\":\"remove\"",
        "\"op\":\"Replace\"",
        "\"path\":\"emails[type eq \\\"x\\\"].value\"",
        "\"path\":\"name.givenName\"",
        "\"value\":{}",
        "\"matchingPriority\":1",
        "\"[a]\"",
        "\"Join(\"",
        "\"type\":\"Reference\"",
        "\"multivalued\":true",
        "\"scope\":{}",
        "\"operatorName\":\"REGEX MATCH\"",
        "\"values\":[\"(\"]",
        "\"externalId\":\"1\"",
        "\"EXTERNALID\":7",
        "\"active\":\"False\"",
        "\"urn:a:b\":{}",
        "\"password\":\"x\"",
        "é",
    ],
    longest: 8_000,
};

#[test]
fn filters_survive_mutations() {
    FILTERS.run("filter", wire::filter);
}

#[test]
fn scim_filters_and_paths_survive_mutations() {
    FILTERS.run("scim_filter", wire::scim_filter);
}

#[test]
fn scim_patches_survive_mutations() {
    DOCUMENTS.run("scim_patch", wire::scim_patch);
}

#[test]
fn schemas_survive_mutations() {
    DOCUMENTS.run("schema", wire::schema);
}

#[test]
fn uploads_survive_mutations() {
    DOCUMENTS.run("bulk_upload", wire::bulk_upload);
}

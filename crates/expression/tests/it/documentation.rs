//! docs/expressions.md agrees with the function table.

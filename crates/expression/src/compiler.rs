//! From the tree to code that runs fast: attributes become slots, patterns and formats are prepared, and what depends
//! on nothing is computed.

use model::{Attributes, Entropy, Name, Timestamp, Value};

use crate::error::{CheckError, EvaluationError};
use crate::evaluate::{Code, Context, Flow, Invocation, Lookup};
use crate::parser::integer_literal;
use crate::prepare::{Arguments, Prepared};
use crate::run::Run;
use crate::tree::{Node, NodeKind, Operator, Tree};

/// An expression ready to be evaluated, any number of times and on any number of threads.
#[derive(Debug)]
pub struct Compiled {
    root: Code,
    attributes: Vec<Name>,
    function: Option<&'static str>,
    redacted: bool,
}

/// A compiled comparison.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) left: Code,
    pub(crate) operator: Operator,
    pub(crate) right: Code,
    pub(crate) offset: u32,
}

/// Compiles an expression. Constant arguments that cannot work (a broken pattern, say) fail when they are evaluated;
/// [`check`](crate::check) finds them before.
#[must_use]
pub fn compile(tree: &Tree) -> Compiled {
    compile_with_problems(tree).0
}

/// Also gives the constant arguments that cannot work.
pub(crate) fn compile_with_problems(tree: &Tree) -> (Compiled, Vec<CheckError>) {
    let mut compiler = Compiler { attributes: Vec::new(), problems: Vec::new() };
    let root = compiler.code(tree.root());
    let calls = |name: &str| {
        tree.any(|node| matches!(&node.kind, NodeKind::Call(call) if call.function.name == name))
    };
    let finished = Compiled {
        root,
        attributes: compiler.attributes,
        function: match &tree.root().kind {
            NodeKind::Call(call) => Some(call.function.name),
            _ => None,
        },
        redacted: calls("Redact"),
    };
    (finished, compiler.problems)
}

struct Compiler {
    attributes: Vec<Name>,
    problems: Vec<CheckError>,
}

impl Compiler {
    fn code(&mut self, node: &Node) -> Code {
        match &node.kind {
            NodeKind::Attribute(name) => Code::Attribute(self.slot(name)),
            NodeKind::Text(text) => Code::Constant(Value::Text(text.clone())),
            NodeKind::Number(literal) => Code::Constant(number(literal)),
            NodeKind::Word(word) => Code::Constant(Value::text(word.as_str())),
            NodeKind::Setting(setting) => Code::Setting(*setting, node.offset),
            NodeKind::Compare(comparison) => fold(Code::Compare(Box::new(Comparison {
                left: self.code(&comparison.left),
                operator: comparison.operator,
                right: self.code(&comparison.right),
                offset: node.offset,
            }))),
            NodeKind::Call(call) => {
                let arguments: Box<[Option<Code>]> = call
                    .arguments
                    .iter()
                    .map(|argument| argument.as_ref().map(|node| self.code(node)))
                    .collect();
                let prepared = match (call.function.prepare)(&Arguments(&arguments)) {
                    Ok(prepared) => prepared,
                    Err(problem) => {
                        let blamed = problem.argument.and_then(|at| call.arguments.get(at)?.as_ref());
                        self.problems.push(CheckError {
                            offset: blamed.unwrap_or(node).offset as usize,
                            message: format!("{}: {}", call.function.name, problem.message),
                            constant: true,
                        });
                        Prepared::Broken(problem.message)
                    }
                };
                let invocation =
                    Invocation { function: call.function, arguments, prepared, offset: node.offset };
                if invocation.function.top_level_only {
                    Code::Call(Box::new(invocation))
                } else {
                    fold(Code::Call(Box::new(invocation)))
                }
            }
        }
    }

    fn slot(&mut self, name: &Name) -> usize {
        if let Some(slot) = self.attributes.iter().position(|known| known == name) {
            return slot;
        }
        self.attributes.push(name.clone());
        self.attributes.len() - 1
    }
}

fn number(literal: &str) -> Value {
    integer_literal(literal).map_or_else(|| Value::text(literal), Value::Integer)
}

/// Replaces code that depends on nothing by its value. What fails, ignores the flow or asks for the time stays.
fn fold(code: Code) -> Code {
    let operands_are_constant = match &code {
        Code::Compare(comparison) => [&comparison.left, &comparison.right].into_iter().all(is_constant),
        Code::Call(call) => call.arguments.iter().flatten().all(is_constant),
        _ => false,
    };
    if !operands_are_constant {
        return code;
    }
    let nothing: &[Value] = &[];
    let mut context = Context::new(Timestamp::UNIX_EPOCH, &NoEntropy);
    let mut run = Run::new(&nothing, &mut context, true);
    match run.evaluate(&code).map(|item| run.finish(item)) {
        Ok(Flow::Value(value)) => Code::Constant(value),
        Ok(Flow::Ignore) | Err(_) => code,
    }
}

fn is_constant(code: &Code) -> bool {
    matches!(code, Code::Constant(_))
}

struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) {}
}

struct ObjectLookup<'a> {
    names: &'a [Name],
    attributes: &'a Attributes,
}

impl Lookup for ObjectLookup<'_> {
    fn value(&self, slot: usize) -> &Value {
        static NULL: Value = Value::Null;
        self.names.get(slot).map_or(&NULL, |name| self.attributes.get(name))
    }
}

impl Compiled {
    /// The attributes that the expression reads, each once; the position is the slot.
    #[must_use]
    pub fn attributes(&self) -> &[Name] {
        &self.attributes
    }

    /// Whether the expression reads an attribute.
    #[must_use]
    pub fn reads(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|name| name == attribute)
    }

    /// Whether values of the expression must not be shown: it uses `Redact`.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// The name of the outermost function; None for an attribute, a constant or a comparison.
    #[must_use]
    pub fn function(&self) -> Option<&'static str> {
        self.function
    }

    /// Whether the value is to be chosen among [`unique_candidates`](Self::unique_candidates).
    #[must_use]
    pub fn selects_unique_value(&self) -> bool {
        self.function == Some(UNIQUE)
    }

    /// The value for an object. `SelectUniqueValue` gives its first candidate.
    pub fn evaluate(
        &self,
        lookup: &(impl Lookup + ?Sized),
        context: &mut Context<'_>,
    ) -> Result<Flow, EvaluationError> {
        let mut run = Run::new(&lookup, context, false);
        let item = run.evaluate(&self.root)?;
        Ok(run.finish(item))
    }

    /// The value for an object whose attributes are looked up by name.
    pub fn evaluate_object(
        &self,
        attributes: &Attributes,
        context: &mut Context<'_>,
    ) -> Result<Flow, EvaluationError> {
        self.evaluate(&ObjectLookup { names: &self.attributes, attributes }, context)
    }

    /// What `SelectUniqueValue` has to choose from for an object, in order, without nulls, empty texts and repetitions.
    /// Any other expression has its one value as the only candidate.
    pub fn unique_candidates(
        &self,
        lookup: &(impl Lookup + ?Sized),
        context: &mut Context<'_>,
    ) -> Result<Vec<Value>, EvaluationError> {
        let codes: Vec<&Code> = match &self.root {
            Code::Call(call) if call.function.name == UNIQUE => call.arguments.iter().flatten().collect(),
            root => vec![root],
        };
        let mut candidates = Vec::with_capacity(codes.len());
        for code in codes {
            let mut run = Run::new(&lookup, context, false);
            let item = run.evaluate(code)?;
            let value = run.value(item);
            if !value.is_null_or_empty() && !candidates.contains(&value) {
                candidates.push(value);
            }
        }
        Ok(candidates)
    }
}

/// The function whose candidates the target is asked for.
pub(crate) const UNIQUE: &str = "SelectUniqueValue";

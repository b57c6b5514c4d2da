//! The tree of an expression.

use std::fmt;

use model::Name;

use crate::registry::Function;

/// The most characters that an expression may have.
pub const MAX_CHARACTERS: usize = 10_000;

/// The most function calls that may stand inside one another.
pub const MAX_DEPTH: usize = 64;

/// A parsed expression. Its functions exist and have the number of arguments that they take.
///
/// Two trees are equal when they mean the same, wherever their parts stand in the text.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) root: Node,
}

impl Tree {
    /// The outermost node.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Whether some node of the tree, the outermost one included, passes a test.
    pub fn any(&self, test: impl Fn(&Node) -> bool) -> bool {
        let mut waiting = vec![&self.root];
        while let Some(node) = waiting.pop() {
            if test(node) {
                return true;
            }
            match &node.kind {
                NodeKind::Compare(comparison) => waiting.extend([&comparison.left, &comparison.right]),
                NodeKind::Call(call) => waiting.extend(call.arguments.iter().flatten()),
                _ => {}
            }
        }
        false
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Tree {}

/// A part of an expression.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins, in characters from the start of the text; the first has offset 0.
    pub offset: u32,
    /// What it is.
    pub kind: NodeKind,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Node {}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `[name]`
    Attribute(Name),
    /// `"text"`
    Text(Name),
    /// A number as it is written; it is known to be one.
    Number(Name),
    /// An enumeration literal.
    Word(Word),
    /// `%name%`: a setting of the job.
    Setting(Setting),
    /// `left operator right`
    Compare(Box<Comparison>),
    /// `Name(…)`
    Call(Call),
}

/// A function and its arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments in order. None is an omitted one; the last is never omitted.
    pub arguments: Vec<Option<Node>>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.arguments == other.arguments
    }
}

impl Eq for Call {}

/// Two operands and what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What stands before the operator.
    pub left: Node,
    /// The operator.
    pub operator: Operator,
    /// What stands behind it.
    pub right: Node,
}

macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling in expressions.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What a spelling stands for.
            #[must_use]
            pub fn from_spelling(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

spelled! {
    /// A comparison.
    Operator {
        /// The same text.
        Equal = "=",
        /// Not the same text.
        NotEqual = "<>",
        /// Before.
        Less = "<",
        /// Before or the same.
        LessOrEqual = "<=",
        /// After.
        Greater = ">",
        /// After or the same.
        GreaterOrEqual = ">=",
    }
}

spelled! {
    /// An enumeration literal.
    Word {
        /// Letters that differ in case are the same.
        TextCompare = "vbTextCompare",
        /// Letters that differ in case differ.
        BinaryCompare = "vbBinaryCompare",
    }
}

spelled! {
    /// A setting of the job that expressions can use.
    Setting {
        /// The DNS name of the target's domain.
        DomainFqdn = "DomainFQDN",
        /// The `NetBIOS` name of the target's domain.
        DomainNetBios = "DomainNetBios",
    }
}

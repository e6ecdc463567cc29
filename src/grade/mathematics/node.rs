//! What a text is once it is read: an expression, or several in lists, sets, intervals, equations and matrices.

use super::number::Number;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    ArcSin,
    ArcCos,
    ArcTan,
    Sinh,
    Cosh,
    Tanh,
    Ln,
    Exp,
    Absolute,
    Floor,
    Ceiling,
    Factorial,
    /// Of the index and what stands below the sign.
    Root,
    /// Of the base and the number.
    Log,
    Binomial,
    /// In the text only: the parser makes a product of it.
    Fraction,
}

impl Function {
    /// By its name in LaTeX and in plain text.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sin" => Self::Sin,
            "cos" => Self::Cos,
            "tan" | "tg" => Self::Tan,
            "cot" | "cotan" => Self::Cot,
            "sec" => Self::Sec,
            "csc" | "cosec" => Self::Csc,
            "arcsin" | "asin" => Self::ArcSin,
            "arccos" | "acos" => Self::ArcCos,
            "arctan" | "atan" => Self::ArcTan,
            "sinh" => Self::Sinh,
            "cosh" => Self::Cosh,
            "tanh" => Self::Tanh,
            "ln" => Self::Ln,
            "exp" => Self::Exp,
            "abs" => Self::Absolute,
            "floor" => Self::Floor,
            "ceil" => Self::Ceiling,
            "sqrt" => Self::Root,
            "log" | "lg" => Self::Log,
            "binom" | "dbinom" | "tbinom" => Self::Binomial,
            "frac" | "dfrac" | "tfrac" | "cfrac" => Self::Fraction,
            _ => return None,
        })
    }

    /// What `^{-1}` behind the name makes of it.
    pub(super) fn inverse(self) -> Option<Self> {
        Some(match self {
            Self::Sin => Self::ArcSin,
            Self::Cos => Self::ArcCos,
            Self::Tan => Self::ArcTan,
            _ => return None,
        })
    }
}

/// Long sums and products are flat, so that no tree is deeper than its text is nested.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number {
        value: Number,
        /// With a decimal point, so perhaps rounded.
        decimal: bool,
    },
    /// A variable; `π`, `e`, `i` and `∞` too.
    Symbol(String),
    /// A function that the text names but does not define.
    Unknown(String, Box<Node>),
    Negate(Box<Node>),
    Inverse(Box<Node>),
    Sum(Vec<Node>),
    Product(Vec<Node>),
    Power(Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
    Percent(Box<Node>),
    Degrees(Box<Node>),
    /// What stands first, and behind each sign.
    Relation(Box<Node>, Vec<(char, Node)>),
    Ratio(Vec<Node>),
    /// Without brackets; `∧`, `∨` or a comma joins it.
    List(char, Vec<Node>),
    Set(Vec<Node>),
    /// With its brackets.
    Tuple(char, char, Vec<Node>),
    /// Intervals and sets joined by `∪`, `∩` or `∖`.
    Joined(char, Vec<Node>),
    Matrix {
        determinant: bool,
        rows: Vec<Vec<Node>>,
    },
}

impl Node {
    pub(super) fn negate(self) -> Self {
        match self {
            // So that both stay what the whole is.
            Self::Percent(node) => Self::Percent(Box::new(node.negate())),
            Self::Degrees(node) => Self::Degrees(Box::new(node.negate())),
            node => Self::Negate(Box::new(node)),
        }
    }

    pub(super) fn over(self, bottom: Self) -> Self {
        Self::Product(vec![self, Self::Inverse(Box::new(bottom))])
    }

    /// The parts of an expression; nothing for what is no number.
    pub(super) fn any(&self, test: &mut impl FnMut(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::Negate(node)
                | Self::Inverse(node)
                | Self::Percent(node)
                | Self::Degrees(node)
                | Self::Unknown(_, node) => node.any(test),
                Self::Sum(nodes) | Self::Product(nodes) | Self::Call(_, nodes) => {
                    nodes.iter().any(|node| node.any(test))
                }
                Self::Power(base, exponent) => base.any(test) || exponent.any(test),
                _ => false,
            }
    }

    /// Whether a value can be had from it.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Relation(..)
                | Self::Ratio(_)
                | Self::List(..)
                | Self::Set(_)
                | Self::Tuple(..)
                | Self::Joined(..)
                | Self::Matrix { .. }
        )
    }

    pub(super) fn has_decimals(&self) -> bool {
        self.any(&mut |node| matches!(node, Self::Number { decimal: true, .. }))
    }

    pub(super) fn has_symbol(&self, test: impl Fn(&str) -> bool) -> bool {
        self.any(&mut |node| match node {
            Self::Symbol(name) => test(name),
            Self::Unknown(..) => test("f"),
            _ => false,
        })
    }

    pub(super) fn has_variables(&self) -> bool {
        self.has_symbol(|name| !matches!(name, "π" | "e" | "i" | "∞"))
    }
}

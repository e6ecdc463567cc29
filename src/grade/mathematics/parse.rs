//! From tokens to a tree.

use super::lex::{Kind, Token};
use super::node::{Function, Node};
use super::number::{Number, Rational};

/// How deep a text may be nested.
const MOST_DEPTH: usize = 64;

/// Why there is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Deep,
    /// Words, which nothing can be calculated of.
    Words,
    Broken(&'static str),
}

type Parsed = Result<Node, Trouble>;

/// Reads all tokens; `±` gives both values.
pub(super) fn parse(tokens: &[Token<'_>]) -> Parsed {
    let upper = once(tokens, false)?;
    if !tokens.iter().any(|token| token.is('±') || token.is('∓')) {
        return Ok(upper);
    }
    Ok(both(upper, once(tokens, true)?))
}

fn once(tokens: &[Token<'_>], lower: bool) -> Parsed {
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        lower,
        bars: 0,
        relations: 0,
    };
    let node = parser.list()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.lost()),
    }
}

/// The values with the upper signs and those with the lower ones; what has no sign counts once.
fn both(upper: Node, lower: Node) -> Node {
    fn mixed(upper: Vec<Node>, lower: Vec<Node>) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(upper.len() + lower.len());
        for (first, second) in upper.into_iter().zip(lower) {
            let differ = first != second;
            nodes.push(first);
            if differ {
                nodes.push(second);
            }
        }
        nodes
    }
    match (upper, lower) {
        (Node::List(join, upper), Node::List(_, lower)) => Node::List(join, mixed(upper, lower)),
        (Node::Set(upper), Node::Set(lower)) => Node::Set(mixed(upper, lower)),
        (upper, lower) => Node::List('∨', vec![upper, lower]),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    depth: usize,
    /// Takes the lower of two signs.
    lower: bool,
    /// How many `|` are open.
    bars: usize,
    /// How deep equations and inequalities stand within each other.
    relations: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn mark(&self) -> Option<char> {
        match self.peek() {
            Some(Kind::Mark(mark)) => Some(*mark),
            _ => None,
        }
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.mark() == Some(mark);
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, mark: char, trouble: &'static str) -> Result<(), Trouble> {
        if self.eat(mark) {
            Ok(())
        } else {
            Err(self.trouble(trouble))
        }
    }

    /// Words are the reason before anything else.
    fn trouble(&self, trouble: &'static str) -> Trouble {
        let words = self
            .tokens
            .iter()
            .any(|token| matches!(token.kind, Kind::Word(_)));
        if words {
            Trouble::Words
        } else {
            Trouble::Broken(trouble)
        }
    }

    fn lost(&self) -> Trouble {
        self.trouble(match self.mark() {
            Some(')' | ']' | '}' | '⦄') => "a bracket closes that was not open",
            Some(_) => "an operator stands where nothing can follow",
            None => "two values stand side by side",
        })
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Trouble::Deep);
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Values joined by commas, semicolons, "and" and "or".
    fn list(&mut self) -> Parsed {
        let (mut nodes, mut join) = (vec![self.relation()?], ',');
        loop {
            let mut separated = false;
            while let Some(mark @ (',' | ';' | '∧' | '∨')) = self.mark() {
                if matches!(mark, '∧' | '∨') {
                    join = mark;
                }
                separated = true;
                self.at += 1;
            }
            if !separated {
                break;
            }
            nodes.push(self.relation()?);
        }
        Ok(one_or(nodes, |nodes| Node::List(join, nodes)))
    }

    fn relation(&mut self) -> Parsed {
        let beside = std::mem::take(&mut self.relations);
        let first = self.joined()?;
        let mut rest = Vec::new();
        while let Some(mark @ ('=' | '≠' | '<' | '>' | '≤' | '≥' | '≈' | '∈')) = self.mark() {
            self.at += 1;
            rest.push((mark, self.joined()?));
        }
        self.relations += usize::from(!rest.is_empty());
        // Each side is compared several times, so that time would double with every level. `P(X > 2) = 1` has two.
        if self.relations > 2 {
            return Err(self.trouble("an equation stands within another"));
        }
        self.relations = self.relations.max(beside);
        Ok(if rest.is_empty() {
            first
        } else {
            Node::Relation(Box::new(first), rest)
        })
    }

    fn joined(&mut self) -> Parsed {
        let mut first = self.ratio()?;
        while let Some(mark) = self.joint(&first) {
            self.at += 1;
            let next = self.ratio()?;
            first = match first {
                Node::Joined(same, mut nodes) if same == mark => {
                    nodes.push(next);
                    Node::Joined(same, nodes)
                }
                // So that no chain of signs makes a deep tree.
                Node::Joined(..) => return Err(self.trouble("unions and intersections are mixed")),
                first => Node::Joined(mark, vec![first, next]),
            };
        }
        Ok(first)
    }

    fn joint(&self, before: &Node) -> Option<char> {
        match self.peek()? {
            Kind::Mark(mark @ ('∪' | '∩' | '∖')) => Some(*mark),
            // "(1, 2) U (3, 4)"
            Kind::Symbol(name) if name == "U" && matches!(before, Node::Tuple(..) | Node::Joined(..)) => {
                Some('∪')
            }
            _ => None,
        }
    }

    fn ratio(&mut self) -> Parsed {
        let first = self.sum()?;
        if self.mark() != Some(':') {
            return Ok(first);
        }
        let mut nodes = vec![first];
        while self.eat(':') {
            nodes.push(self.sum()?);
        }
        Ok(Node::Ratio(nodes))
    }

    fn sum(&mut self) -> Parsed {
        let first = match self.mark() {
            Some('+' | '-' | '±' | '∓') => None,
            _ => Some(self.product()?),
        };
        let mut nodes: Vec<Node> = first.into_iter().collect();
        while let Some(minus) = self.sign() {
            let node = self.product()?;
            nodes.push(if minus { node.negate() } else { node });
        }
        Ok(one_or(nodes, Node::Sum))
    }

    /// Any number of signs, as one.
    fn sign(&mut self) -> Option<bool> {
        let mut sign = None;
        while let Some(mark @ ('+' | '-' | '±' | '∓')) = self.mark() {
            let minus = match mark {
                '+' => false,
                '-' => true,
                '±' => self.lower,
                _ => !self.lower,
            };
            sign = Some(sign.unwrap_or(false) ^ minus);
            self.at += 1;
        }
        sign
    }

    fn product(&mut self) -> Parsed {
        let first = self.power()?;
        let mut nodes = vec![first];
        loop {
            if self.eat('*') {
                let node = self.signed()?;
                nodes.push(node);
            } else if self.eat('/') {
                let node = self.signed()?;
                nodes.push(Node::Inverse(Box::new(node)));
            } else if self.starts_value() {
                let node = self.beside(nodes.last())?;
                match (nodes.pop(), node) {
                    (Some(last), node) if is_mixed(&last, &node) => nodes.push(Node::Sum(vec![last, node])),
                    // The sign behind a product is that of all of it: `33\frac{1}{3}\%`.
                    (Some(last), Node::Percent(inner)) if nodes.is_empty() => {
                        let whole = if is_mixed(&last, &inner) {
                            Node::Sum
                        } else {
                            Node::Product
                        };
                        nodes.push(Node::Percent(Box::new(whole(vec![last, *inner]))));
                    }
                    (last, node) => nodes.extend(last.into_iter().chain([node])),
                }
            } else {
                break;
            }
        }
        Ok(one_or(nodes, Node::Product))
    }

    /// A factor without a sign before it.
    fn beside(&mut self, before: Option<&Node>) -> Parsed {
        if !matches!(self.peek(), Some(Kind::Number { .. })) || !matches!(before, Some(Node::Number { .. })) {
            return self.power();
        }
        // "1 1/2"; other numbers side by side are nothing.
        let slash = self.tokens.get(self.at + 1).is_some_and(|token| token.is('/'));
        let top = self.power()?;
        if !slash || !self.eat('/') {
            return Err(self.trouble("two numbers stand side by side"));
        }
        let node = top.over(self.power()?);
        match before {
            Some(before) if is_mixed(before, &node) => Ok(node),
            _ => Err(self.trouble("two numbers stand side by side")),
        }
    }

    /// A factor that may have a sign, as behind `*` and `^`.
    fn signed(&mut self) -> Parsed {
        let minus = self.sign().unwrap_or(false);
        let node = self.power()?;
        Ok(if minus { node.negate() } else { node })
    }

    fn starts_value(&self) -> bool {
        match self.peek() {
            Some(Kind::Mark(mark)) => {
                matches!(mark, '(' | '[' | '{' | '⦃' | '⌊' | '⌈' | '√') || (*mark == '|' && self.bars == 0)
            }
            Some(Kind::Word(_) | Kind::Matrix { begin: false, .. }) | None => false,
            // The union of intervals.
            Some(Kind::Symbol(name)) if name == "U" => !self
                .at
                .checked_sub(1)
                .and_then(|before| self.tokens.get(before))
                .is_some_and(|token| token.is(')') || token.is(']')),
            Some(_) => true,
        }
    }

    fn power(&mut self) -> Parsed {
        let base = self.postfix()?;
        let raised = self.raised(base)?;
        Ok(self.measured(raised))
    }

    /// What `^` makes of a value.
    fn raised(&mut self, base: Node) -> Parsed {
        if !self.eat('^') {
            return Ok(base);
        }
        if self.eat('°') {
            return Ok(Node::Degrees(Box::new(base)));
        }
        if self.mark() == Some('{') && self.tokens.get(self.at + 1).is_some_and(|token| token.is('°')) {
            self.at += 2;
            self.want('}', "a bracket is not closed")?;
            return Ok(Node::Degrees(Box::new(base)));
        }
        let exponent = self.nested(Self::signed)?;
        Ok(Node::Power(Box::new(base), Box::new(exponent)))
    }

    /// Percent and degree signs.
    fn measured(&mut self, mut node: Node) -> Node {
        for _ in 0..MOST_DEPTH {
            if self.eat('%') {
                node = Node::Percent(Box::new(node));
            } else if self.eat('°') {
                node = Node::Degrees(Box::new(node));
            } else {
                break;
            }
        }
        node
    }

    fn postfix(&mut self) -> Parsed {
        let mut node = self.value()?;
        for _ in 0..MOST_DEPTH {
            if !self.eat('!') {
                break;
            }
            node = Node::Call(Function::Factorial, vec![node]);
        }
        Ok(node)
    }

    fn value(&mut self) -> Parsed {
        let Some(token) = self.tokens.get(self.at) else {
            return Err(self.trouble("a value is missing at the end"));
        };
        self.at += 1;
        match &token.kind {
            Kind::Number { value, decimal } => {
                let node = Node::Number {
                    value: *value,
                    decimal: *decimal,
                };
                // A base makes a name of a number: what it is worth is not compared.
                if self.mark() == Some('_') {
                    self.subscript(token.source.to_owned())
                } else {
                    Ok(node)
                }
            }
            Kind::Symbol(name) => self.symbol(name.clone()),
            Kind::Word(_) => Err(Trouble::Words),
            Kind::Function(function) => self.call(*function),
            Kind::Matrix {
                begin: true,
                determinant,
            } => self.matrix(*determinant),
            Kind::Matrix { .. } => Err(self.trouble("a matrix ends that did not begin")),
            Kind::Mark(mark) => self.bracket(*mark),
        }
    }

    fn symbol(&mut self, name: String) -> Parsed {
        let mut name = name;
        if self.mark() == Some('_') {
            let Node::Symbol(longer) = self.subscript(name)? else {
                return Err(Trouble::Words);
            };
            name = longer;
        }
        while self.eat('\'') {
            name.push('\'');
        }
        let is_function = name.starts_with(['f', 'g', 'h']);
        let called = self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.is('(') && !token.spaced);
        if is_function && called {
            self.at += 1;
            let argument = self.bracket('(')?;
            return Ok(Node::Unknown(name, Box::new(argument)));
        }
        Ok(Node::Symbol(name))
    }

    /// A name with what stands below it.
    fn subscript(&mut self, mut name: String) -> Parsed {
        self.want('_', "a subscript is missing")?;
        name.push('_');
        let mut open = 0usize;
        loop {
            let Some(token) = self.tokens.get(self.at) else {
                return Err(self.trouble("a bracket is not closed"));
            };
            self.at += 1;
            if token.is('{') {
                open += 1;
            } else if token.is('}') {
                open = open.saturating_sub(1);
            } else {
                name.push_str(token.source.trim_start_matches('\\'));
            }
            if open == 0 {
                return Ok(Node::Symbol(name));
            }
        }
    }

    fn bracket(&mut self, open: char) -> Parsed {
        match open {
            '∅' => Ok(Node::Set(Vec::new())),
            '√' => {
                let below = self.nested(Self::value)?;
                Ok(Node::Call(Function::Root, vec![number(2), below]))
            }
            '|' => {
                self.bars += 1;
                let inner = self.nested(Self::sum)?;
                self.bars -= 1;
                self.want('|', "an absolute value is not closed")?;
                Ok(Node::Call(Function::Absolute, vec![inner]))
            }
            '⌊' | '⌈' => {
                let inner = self.inside(Self::sum)?;
                self.want(if open == '⌊' { '⌋' } else { '⌉' }, "a bracket is not closed")?;
                Ok(Node::Call(
                    if open == '⌊' {
                        Function::Floor
                    } else {
                        Function::Ceiling
                    },
                    vec![inner],
                ))
            }
            '⦃' if self.eat('⦄') => Ok(Node::Set(Vec::new())),
            '(' | '[' | '{' | '⦃' => {
                let inner = self.inside(Self::list)?;
                let close = self.mark().unwrap_or(' ');
                self.at += 1;
                match (open, close, inner) {
                    ('{', '}', Node::List(_, nodes)) | ('⦃', '⦄', Node::List(_, nodes)) => {
                        Ok(Node::Set(nodes))
                    }
                    ('⦃', '⦄', node) => Ok(Node::Set(vec![node])),
                    ('(' | '[', ')' | ']', Node::List(_, nodes)) => Ok(Node::Tuple(open, close, nodes)),
                    ('{', '}', node) | ('(', ')', node) | ('[', ']', node) => Ok(node),
                    _ => Err(self.trouble("a bracket is not closed")),
                }
            }
            _ => Err(self.trouble("a value is missing before an operator or a bracket")),
        }
    }

    /// What stands between brackets: a `|` there opens anew.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let bars = std::mem::take(&mut self.bars);
        let inner = self.nested(read)?;
        self.bars = bars;
        Ok(inner)
    }

    fn call(&mut self, function: Function) -> Parsed {
        match function {
            Function::Fraction => {
                let top = self.argument()?;
                Ok(top.over(self.argument()?))
            }
            Function::Binomial => {
                let top = self.argument()?;
                // "binom(5, 2)"
                if let Node::Tuple('(', ')', nodes) = top {
                    return Ok(Node::Call(function, nodes));
                }
                Ok(Node::Call(function, vec![top, self.argument()?]))
            }
            Function::Root => {
                let index = if self.mark() == Some('[') {
                    self.argument()?
                } else {
                    number(2)
                };
                let below = self.argument()?;
                Ok(Node::Call(Function::Root, vec![index, below]))
            }
            _ => self.named(function),
        }
    }

    /// One value that LaTeX takes for an argument.
    fn argument(&mut self) -> Parsed {
        // Brackets count by themselves.
        if matches!(self.mark(), Some('{' | '(' | '[')) {
            self.value()
        } else {
            self.nested(Self::value)
        }
    }

    /// A function by its name: `\sin^2 x`, `\log_2 8`.
    fn named(&mut self, function: Function) -> Parsed {
        let before = self.base(function)?;
        let exponent = if self.eat('^') {
            Some(self.nested(Self::signed)?)
        } else {
            None
        };
        let base = match before {
            Some(base) => Some(base),
            None => self.base(function)?,
        };
        let inverse = exponent
            .as_ref()
            .filter(|node| is_minus_one(node))
            .and_then(|_| function.inverse());
        let argument = self.nested(Self::operand)?;
        if let Some(inverse) = inverse {
            return Ok(Node::Call(inverse, vec![argument]));
        }
        let node = if function == Function::Log {
            Node::Call(function, vec![base.unwrap_or(number(10)), argument])
        } else {
            Node::Call(function, vec![argument])
        };
        Ok(match exponent {
            Some(exponent) => Node::Power(Box::new(node), Box::new(exponent)),
            None => node,
        })
    }

    fn base(&mut self, function: Function) -> Result<Option<Node>, Trouble> {
        if function == Function::Log && self.eat('_') {
            self.argument().map(Some)
        } else {
            Ok(None)
        }
    }

    /// What a function is of: what is in brackets behind it, else all up to the next sign or function.
    fn operand(&mut self) -> Parsed {
        if matches!(self.mark(), Some('(' | '[')) {
            return self.argument();
        }
        if self.sign().unwrap_or(false) {
            let node = self.nested(Self::operand)?;
            return Ok(node.negate());
        }
        let mut nodes = vec![self.power()?];
        while self.starts_value()
            && !matches!(self.mark(), Some('(' | '[' | '|'))
            && !matches!(self.peek(), Some(Kind::Function(function)) if !matches!(function, Function::Fraction | Function::Root))
        {
            let node = self.power()?;
            nodes.push(node);
        }
        Ok(one_or(nodes, Node::Product))
    }

    fn matrix(&mut self, determinant: bool) -> Parsed {
        let mut rows = vec![Vec::new()];
        loop {
            if matches!(self.peek(), Some(Kind::Matrix { begin: false, .. })) {
                self.at += 1;
                break;
            }
            if self.eat('\n') {
                rows.push(Vec::new());
            } else if !self.eat('&') {
                let node = self.inside(Self::relation)?;
                if let Some(row) = rows.last_mut() {
                    row.push(node);
                }
                let ends = matches!(self.peek(), Some(Kind::Matrix { begin: false, .. }));
                if !ends && !matches!(self.mark(), Some('&' | '\n')) {
                    return Err(self.trouble("a matrix does not end"));
                }
            }
        }
        // A last `\\` begins no row.
        rows.retain(|row| !row.is_empty());
        Ok(Node::Matrix { determinant, rows })
    }
}

/// One node as it is, several as what joins them.
fn one_or(mut nodes: Vec<Node>, join: impl FnOnce(Vec<Node>) -> Node) -> Node {
    if nodes.len() > 1 {
        return join(nodes);
    }
    nodes.pop().unwrap_or_else(|| join(Vec::new()))
}

fn number(whole: i128) -> Node {
    Node::Number {
        value: Number::Exact(Rational::integer(whole)),
        decimal: false,
    }
}

fn whole(node: &Node) -> Option<i128> {
    match node {
        Node::Number {
            value,
            decimal: false,
        } => value.exact()?.whole(),
        _ => None,
    }
}

/// Whether a whole number and a fraction behind it make a mixed number.
fn is_mixed(first: &Node, second: &Node) -> bool {
    let Node::Product(parts) = second else {
        return false;
    };
    let [top, Node::Inverse(bottom)] = parts.as_slice() else {
        return false;
    };
    let (Some(_), Some(top), Some(bottom)) = (whole(first), whole(top), whole(bottom)) else {
        return false;
    };
    (0..bottom).contains(&top)
}

fn is_minus_one(node: &Node) -> bool {
    matches!(node, Node::Negate(inner) if whole(inner) == Some(1))
}

#[cfg(test)]
mod tests {
    use super::super::lex;
    use super::*;

    fn read(text: &str) -> Parsed {
        parse(&lex::lex(text, false).tokens)
    }

    #[test]
    fn trees() {
        // Two spellings of one tree each.
        let table = [
            ("2x", r"2 \cdot x"),
            ("x^2^3", "x^{2^{3}}"),
            ("-x^2", "-(x^2)"),
            ("1/2x", "(1)/2*x"),
            (r"\sin^2 x", r"(\sin(x))^{2}"),
            (r"\sin^{-1} x", r"\arcsin x"),
            (r"\sin x \cos x", r"\sin(x) \cos(x)"),
            ("1 1/2", r"1\frac{1}{2}"),
            ("--x", "x"),
            (r"\pm 1", "1 or -1"),
            ("√2", r"\sqrt{2}"),
            ("||x|-1|", r"\left|\left|x\right|-1\right|"),
            ("(1,2) U (3,4)", r"(1,2) \cup (3,4)"),
        ];
        for (one, other) in table {
            assert_eq!(read(one), read(other), "{one} {other}");
            assert!(read(one).is_ok(), "{one}");
        }
    }

    #[test]
    fn troubles() {
        let table = [
            ("1 +", "missing at the end"),
            ("1 2", "side by side"),
            ("(1", "not closed"),
            ("1)", "not open"),
        ];
        for (text, reason) in table {
            assert!(
                matches!(read(text), Err(Trouble::Broken(found)) if found.contains(reason)),
                "{text} {:?}",
                read(text)
            );
        }
        assert_eq!(read("two of them"), Err(Trouble::Words));
        assert_eq!(read(&"{".repeat(65)), Err(Trouble::Deep));
    }
}

//! A host, as far as a measurement needs one: it starts the server and calls tools, one after the other.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

pub(crate) struct Host {
    server: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    id: u32,
}

impl Host {
    /// Starts the server and greets it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = server.stdin.take().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut host = Self {
            server,
            input,
            lines,
            id: 0,
        };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        host.ask("initialize", &hello);
        host
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let line = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        writeln!(self.input, "{line}").unwrap();
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// The text that a tool answers.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert_ne!(answer.pointer("/result/isError"), Some(&json!(true)), "{answer}");
        let text = answer.pointer("/result/content/0/text").and_then(Value::as_str);
        text.unwrap().to_owned()
    }

    /// Ends the server; the most that it had resident, in bytes.
    pub(crate) fn end(mut self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap_or_default();
        let peak = crate::common::kilobytes(&status, "VmHWM:");
        drop(self.input);
        self.server.wait().unwrap();
        peak.unwrap_or_default() * 1024.0
    }
}

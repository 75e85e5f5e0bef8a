//! The server behind nginx, by the configuration of `examples/nginx`, where nginx and a client of TLS are installed.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};

use crate::serve::{LIMIT, Server};
use crate::support::{Sandbox, package, skip_optional, stop};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Ends nginx with the value.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        stop(&self.0, "-TERM");
        let _ = self.0.wait();
    }
}

fn is_there(program: &str, version: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn nginx_in_front_passes_questions_and_limits_them() {
    if !is_there("nginx", "-v") || !is_there("curl", "--version") {
        return skip_optional("nginx or curl is not installed");
    }
    let sandbox = Sandbox::with_small_index();
    sandbox.write("tokens", format!("agents write {TOKEN}\n"));
    sandbox.sh("chmod 600 tokens").ok();
    let server = Server::start_with(&sandbox, &["--tokens", "tokens", "--access-log", "access.log"]);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["nba.example".to_owned()]).unwrap();
    sandbox.write("cert.pem", cert.pem());
    sandbox.write("key.pem", signing_key.serialize_pem());

    // The example as it is, but for what belongs to a machine.
    let port = free_port();
    let here = sandbox.path("").display().to_string();
    let mut example = fs_err::read_to_string(package().join("examples/nginx/nba.conf")).unwrap();
    for (theirs, ours) in [
        ("server 127.0.0.1:8080;", format!("server {};", server.address())),
        ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
        ("/etc/nba/", here.clone()),
        ("/var/log/nginx/nba.log", format!("{here}nginx.log")),
        ("burst=100", "burst=5".to_owned()),
    ] {
        assert!(example.contains(theirs), "{theirs}");
        example = example.replace(theirs, &ours);
    }
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}{name};\n"))
        .concat();
    sandbox.write(
        "nginx.conf",
        format!("daemon off;\npid {here}nginx.pid;\nerror_log {here}error.log;\nevents {{}}\nhttp {{\n{temporary}{example}}}\n"),
    );
    let configuration = sandbox.path("nginx.conf");
    let mut command = Command::new("nginx");
    command.args(["-p", &here, "-e", "error.log", "-c"]).arg(&configuration);
    let _nginx = Nginx(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());

    let ask = |args: &str| {
        let resolve = format!("--resolve nba.example:{port}:127.0.0.1 --cacert cert.pem");
        sandbox.sh(&format!("curl -s {resolve} -w '\\n%{{http_code}}' {args}"))
    };
    let token = format!("-H 'Authorization: Bearer {TOKEN}'");
    let url = format!("https://nba.example:{port}");
    let mut tries = 0;
    while ask(&format!("{url}/healthz")).code != 0 {
        tries += 1;
        let log = fs_err::read_to_string(sandbox.path("error.log")).unwrap_or_default();
        assert!(tries < LIMIT.as_millis() / 100, "nginx does not answer: {log}");
        thread::sleep(Duration::from_millis(100));
    }
    let told = |args: &str| {
        let outcome = ask(args).ok();
        let (body, status) = outcome.stdout.rsplit_once('\n').unwrap();
        (status.parse::<u16>().unwrap(), body.to_owned())
    };
    let question = json!({ "index": "tickets", "text": "estorno", "type": "ann", "k": 2 });
    let (status, body) = told(&format!("{token} {url}/v1/search -d '{question}'"));
    assert_eq!(status, 200, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["rows"].as_array().unwrap().len(), 2);
    assert_eq!(told(&format!("{url}/v1/status")).0, 401);
    assert_eq!(told(&format!("{token} {url}/metrics")).0, 200);
    sandbox.write("large", " ".repeat(13 << 20));
    assert_eq!(told(&format!("{token} {url}/v1/search -H expect: --data-binary @large")).0, 413);

    // Both logs have the same id.
    let nginx = sandbox.read("nginx.log");
    let id = nginx.lines().find(|line| line.contains("/v1/search 200")).unwrap().rsplit(' ').next().unwrap();
    let mut tries = 0;
    while !sandbox.read("access.log").contains(id) {
        tries += 1;
        assert!(tries < 200, "{id} is not in {}", sandbox.read("access.log"));
        thread::sleep(Duration::from_millis(20));
    }
    // More at once than a client's share.
    let many = (0..40).map(|_| format!("{url}/healthz")).collect::<Vec<_>>().join(" ");
    let flood = sandbox.sh(&format!(
        "curl -s --parallel --parallel-max 20 --resolve nba.example:{port}:127.0.0.1 --cacert cert.pem -o /dev/null -w '%{{http_code}} ' {}",
        many.replace(' ', " -o /dev/null ")
    ));
    let statuses: Vec<&str> = flood.stdout.split_whitespace().collect();
    assert!(statuses.contains(&"200") && statuses.contains(&"429"), "{flood:?}");
}

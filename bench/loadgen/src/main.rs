//! A publisher and a thousand viewers in a process of their own; as `sluice-loadgen turn`, the clients of a relay; as
//! `sluice-loadgen room`, all participants of calls.
//!
//! Whoever starts it has already made the sessions (HTTP, ICE, DTLS) and hands over connected sockets by inheritance and
//! a plan on standard input. It publishes, receives, opens and checks every packet, reads the server's CPU time around
//! each window, measures the floor, and writes one JSON object to standard output.

mod checks;
mod floor;
mod latency;
mod payload;
mod plan;
mod publisher;
mod room;
mod sys;
mod turn;
mod viewers;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plan::Plan;

/// How long packets may still be under way after the last one was published.
const GRACE: Duration = Duration::from_millis(700);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Plan::read(io::stdin().lock()).map_err(|error| error.to_string()).and_then(run),
        (Some("turn"), None) => turn::run(io::stdin().lock()),
        (Some("room"), None) => room::run(io::stdin().lock()),
        (Some("bare-relay"), Some(address)) => address
            .parse()
            .map_err(|_| "bare-relay takes an address".to_string())
            .and_then(|address| turn::relay_barely(address).map_err(|error| error.to_string())),
        (Some(other), _) => Err(format!("unknown mode: {other}")),
    };
    match outcome {
        Ok(report) => {
            let written = writeln!(io::stdout(), "{report}");
            if written.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "sluice-loadgen: {error}");
            ExitCode::from(2)
        }
    }
}

/// One measured window.
struct Window {
    cpu_us: u64,
    received: u64,
}

fn run(plan: Plan) -> Result<String, String> {
    let Plan { server, rate, burst, size, payload_type, warmup, window, windows, floor, publisher, viewers } = plan;
    let count = viewers.len();
    let publishing = publisher::Shared::default();
    let receiving = viewers::Shared::default();
    let outcome = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| viewers::run(viewers, &receiving));
        let sender = scope.spawn(|| publisher::run(publisher, rate, burst, size, payload_type, &publishing));
        let measured = measure(server, warmup, window, windows, &publishing, &receiving);
        publishing.stop.store(true, Ordering::Relaxed);
        let _ = sender.join();
        std::thread::sleep(GRACE);
        receiving.stop.store(true, Ordering::Relaxed);
        let findings = receiver.join().map_err(|_| "the receiving thread failed".to_string());
        Ok::<_, String>((measured?, findings?.map_err(|error| error.to_string())?))
    });
    let (windows_seen, findings) = outcome?;
    let published = publishing.published.load(Ordering::Relaxed);
    let expected = (published - receiving.measure_from.load(Ordering::Relaxed).min(published)) * count as u64;
    let floor = if floor > 0.0 {
        floor::measure(count, floor::Load { rate, burst, size }, floor, windows)
            .map_err(|error| format!("floor: {error}"))?
    } else {
        Vec::new()
    };
    let window_list: Vec<String> = windows_seen
        .iter()
        .map(|each| format!("{{\"cpu_us\":{},\"received\":{}}}", each.cpu_us, each.received))
        .collect();
    let floor_list: Vec<String> = floor.iter().map(|cost| format!("{cost:.4}")).collect();
    Ok(format!(
        "{{\"viewers\":{count},\"published\":{published},\"expected\":{expected},\"received\":{},\"missing\":{},\
         \"replayed\":{},\"corrupt\":{},\"starved\":{},\"resent\":{},\"keyframe_requests\":{},\"p50_ms\":{:.3},\
         \"p99_ms\":{:.3},\"p999_ms\":{:.3},\"receiver_cpu_us\":{},\"windows\":[{}],\"floor_us\":[{}]}}",
        findings.measured,
        findings.missing,
        findings.replayed,
        findings.corrupt,
        findings.starved,
        publishing.resent.load(Ordering::Relaxed),
        publishing.keyframe_requests.load(Ordering::Relaxed),
        findings.latency.percentile_ms(500),
        findings.latency.percentile_ms(990),
        findings.latency.percentile_ms(999),
        findings.cpu_ns / 1000,
        window_list.join(","),
        floor_list.join(","),
    ))
}

/// The server's CPU time and the viewers' packets, window by window.
fn measure(
    server: u32,
    warmup: f64,
    window: f64,
    windows: usize,
    publishing: &publisher::Shared,
    receiving: &viewers::Shared,
) -> Result<Vec<Window>, String> {
    std::thread::sleep(Duration::from_secs_f64(warmup));
    receiving.measure_from.store(publishing.published.load(Ordering::Acquire), Ordering::Relaxed);
    let mut seen = Vec::with_capacity(windows);
    let mut before = (cpu_us(server)?, receiving.received.load(Ordering::Relaxed));
    for _ in 0..windows {
        std::thread::sleep(Duration::from_secs_f64(window));
        let after = (cpu_us(server)?, receiving.received.load(Ordering::Relaxed));
        seen.push(Window { cpu_us: after.0 - before.0, received: after.1 - before.1 });
        before = after;
    }
    Ok(seen)
}

/// CPU time of the server in microseconds.
fn cpu_us(process: u32) -> Result<u64, String> {
    sys::process_cpu_ns(process).map(|time| time / 1000).map_err(|error| format!("the server: {error}"))
}

//! All participants of calls: each publishes a microphone and a camera, and opens and checks all that the others send.
//!
//! One thread does it all, so that what it costs does not depend on how many cores there are.

mod member;
mod plan;
mod windows;

use std::io::BufRead;

use crate::{cpu_us, sys, GRACE};
use member::Member;
use plan::Plan;
use windows::Windows;

/// Members whose reports and checks are looked at in one round.
const CHORES_PER_ROUND: usize = 16;

/// Do what the plan on `input` says, and report it as JSON.
pub fn run(input: impl BufRead) -> Result<String, String> {
    let Plan { server, audio, video, start_ns, lengths, members } = Plan::read(input).map_err(|bad| bad.to_string())?;
    let mut rooms: Vec<u64> = Vec::new();
    for (room, _, _) in &members {
        rooms.resize(rooms.len().max(room + 1), 0);
        rooms[*room] += 1;
    }
    let begin_ns = sys::monotonic_ns();
    let count = members.len() as u64;
    let mut poll = sys::Poll::new(512).map_err(|error| error.to_string())?;
    let mut everybody = Vec::with_capacity(members.len());
    for (index, (room, audio_ssrc, peer)) in members.into_iter().enumerate() {
        poll.add(&peer.socket, index).map_err(|error| error.to_string())?;
        let share = (index as u64, count);
        everybody.push(Member::new(peer, rooms[room] - 1, (audio, audio_ssrc), video, begin_ns, share));
    }
    let mut windows = Windows::new(start_ns, &lengths);
    let (mut receiver, mut ready, mut buffer) = (sys::Receiver::default(), Vec::new(), Vec::new());
    let (mut turn, end_ns) = (0, windows.end_ns());
    loop {
        let now_ns = sys::monotonic_ns();
        if windows.is_boundary(now_ns) {
            windows.pass(cpu_us(server)?);
        }
        if now_ns > end_ns + GRACE.as_nanos() as u64 {
            break;
        }
        if now_ns < end_ns {
            for member in &mut everybody {
                member.publish(&mut windows);
            }
        }
        poll.look(&mut ready);
        for &index in &ready {
            let came = receiver.receive(&everybody[index].peer.socket);
            let now_ns = sys::monotonic_ns();
            for datagram in 0..came {
                everybody[index].take(receiver.message(datagram), now_ns, &mut windows);
            }
        }
        let now_ns = sys::monotonic_ns();
        for _ in 0..everybody.len().min(CHORES_PER_ROUND) {
            turn = (turn + 1) % everybody.len();
            everybody[turn].do_chores(now_ns, &mut buffer);
        }
    }
    let starved = everybody.iter().filter(|member| member.is_starved()).count();
    let resent: u64 = everybody.iter().map(|member| member.resent).sum();
    let keyframes: u64 = everybody.iter().map(|member| member.keyframe_requests).sum();
    Ok(format!(
        "{{\"starved\":{starved},\"resent\":{resent},\"keyframe_requests\":{keyframes},\"generator_cpu_us\":{},{}}}",
        sys::thread_cpu_ns() / 1000,
        windows.json(),
    ))
}

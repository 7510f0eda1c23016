//! What comes over connections, and what becomes of those that end.

use super::{Worker, MAX_BATCH};
use crate::engine::mailbox::Letter;
use crate::event::Event;
use crate::net::stream::messages::Arrivals;
use crate::net::streams::Over;
use crate::time::Instant;

impl Worker {
    /// Messages of connections, drained as often as datagrams are.
    pub fn receive_streams(&mut self, arrivals: &mut Arrivals) {
        self.streams.look();
        let mut more = true;
        while more {
            let now = self.now();
            more = self.streams.receive(now, arrivals, &mut self.counters);
            for (index, (path, message)) in arrivals.iter_mut().enumerate() {
                if index > 0 && index % MAX_BATCH == 0 {
                    self.drain(now);
                }
                self.route(now, path, message);
            }
            self.drain(now);
            self.settle_streams(now);
        }
    }

    /// Connections that have become HTTP, and those that are over, all of whose messages have been dealt with.
    pub fn settle_streams(&mut self, now: Instant) {
        while let Some(event) = self.streams.poll_event() {
            self.shared.events.push(event);
        }
        let mut any = false;
        while let Some(Over { id, path, raised }) = self.streams.poll_over() {
            any = true;
            if raised {
                self.shared.events.push(Event::StreamClosed { stream: id });
            }
            match self.shared.addresses.home_of_path(&path) {
                Some(home) if home == self.id => self.guard(|core| core.end_path(now, &path)),
                Some(home) => self.post(home, Letter::PathEnded(path)),
                None => {}
            }
        }
        if any {
            self.drain(now);
        }
    }
}

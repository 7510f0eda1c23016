//! How many connections there are, in all and per source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections while they last, for all workers together.
#[derive(Debug)]
pub struct Census {
    limit: usize,
    limit_per_source: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// Why a connection is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many as may be.
    InAll,
    /// There are as many from its source as may be.
    FromSource,
}

/// One connection's place. Dropping it frees it.
#[derive(Debug)]
pub struct Seat {
    census: Arc<Census>,
    source: Option<IpAddr>,
}

impl Census {
    /// Nobody is here.
    pub fn new(limit: usize, limit_per_source: usize) -> Arc<Self> {
        Arc::new(Self { limit, limit_per_source, counts: Mutex::default() })
    }

    /// A place for one more. None: its source is not known yet.
    pub fn admit(self: &Arc<Self>, source: Option<IpAddr>) -> Result<Seat, Full> {
        let mut counts = self.lock();
        if counts.total >= self.limit {
            return Err(Full::InAll);
        }
        let source = source.map(|ip| self.count(&mut counts, ip)).transpose()?;
        counts.total += 1;
        Ok(Seat { census: Arc::clone(self), source })
    }

    fn count(&self, counts: &mut Counts, ip: IpAddr) -> Result<IpAddr, Full> {
        let source = source_of(ip);
        let count = counts.by_source.entry(source).or_default();
        if *count >= self.limit_per_source {
            return Err(Full::FromSource);
        }
        *count += 1;
        Ok(source)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The source is known now.
    pub fn name(&mut self, ip: IpAddr) -> Result<(), Full> {
        if self.source.is_none() {
            let census = Arc::clone(&self.census);
            self.source = Some(census.count(&mut census.lock(), ip)?);
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.census.lock();
        counts.total -= 1;
        let Some(source) = self.source else { return };
        if let Some(count) = counts.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                counts.by_source.remove(&source);
            }
        }
    }
}

/// What one subscriber has at least: an IPv4 address, an IPv6 /56.
fn source_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 56)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_source_has_a_share_of_the_whole() {
        let census = Census::new(5, 2);
        let mut seats = vec![census.admit(ip("192.0.2.1")).unwrap(), census.admit(ip("192.0.2.1")).unwrap()];
        assert_eq!(census.admit(ip("192.0.2.1")).unwrap_err(), Full::FromSource);
        seats.push(census.admit(ip("192.0.2.2")).unwrap());
        seats.push(census.admit(ip("2001:db8::1")).unwrap());
        seats.push(census.admit(ip("2001:db8:0:ff::2")).unwrap());
        assert_eq!(census.admit(ip("2001:db8:1::1")).unwrap_err(), Full::InAll);
        seats.remove(0);
        assert_eq!(census.admit(ip("2001:db8::3")).unwrap_err(), Full::FromSource);
        seats.push(census.admit(ip("2001:db8:0:100::3")).unwrap());
        drop(seats);
        let counts = census.lock();
        assert_eq!((counts.total, counts.by_source.len()), (0, 0));
    }

    #[test]
    fn a_source_that_becomes_known_later_counts_from_then_on() {
        let census = Census::new(5, 1);
        let mut first = census.admit(None).unwrap();
        let mut second = census.admit(None).unwrap();
        first.name("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(second.name("::ffff:192.0.2.1".parse().unwrap()), Err(Full::FromSource));
        drop(first);
        assert_eq!(second.name("192.0.2.1".parse().unwrap()), Ok(()));
        drop(second);
        assert_eq!(census.lock().total, 0);
    }
}

//! Comparing secrets without telling by the time it takes where they differ.

/// True if `a` and `b` are equal; takes the same time wherever they differ, if their lengths are the same.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| core::hint::black_box(difference | (a ^ b)));
    core::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_bytes_are_equal() {
        assert!(equal(b"", b"") && equal(b"tag", b"tag"));
        assert!(!equal(b"tag", b"tab") && !equal(b"tag", b"ta") && !equal(b"Tag", b"tag"));
    }
}

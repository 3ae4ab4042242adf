//! The pointers that the kernel is given, followed in its place: scripts/sanitize.sh runs this under Miri.

use super::*;

/// Does what `recvmmsg` does to one message: the frame, its interface, and the time where there is one.
fn receive(header: &mut libc::mmsghdr, frame: &[u8], interface: i32, at: Option<(i64, i64)>) {
    header.msg_len = frame.len() as u32;
    let message = &mut header.msg_hdr;
    // SAFETY: `prepare` has pointed the message at room for all of this; the lengths that it says are
    // held to below.
    unsafe {
        let part = &*message.msg_iov;
        assert!(frame.len() <= part.iov_len);
        part.iov_base
            .cast::<u8>()
            .copy_from_nonoverlapping(frame.as_ptr(), frame.len());
        assert_eq!(message.msg_namelen as usize, size_of::<libc::sockaddr_ll>());
        (*message.msg_name.cast::<libc::sockaddr_ll>()).sll_ifindex = interface;
        let Some((tv_sec, tv_nsec)) = at else {
            message.msg_controllen = 0;
            return;
        };
        let length = size_of::<libc::timespec>() as u32;
        let room = libc::CMSG_SPACE(length) as usize;
        assert!(room <= message.msg_controllen);
        message.msg_controllen = room as _;
        let control = libc::CMSG_FIRSTHDR(message);
        (*control).cmsg_level = libc::SOL_SOCKET;
        (*control).cmsg_type = libc::SCM_TIMESTAMPNS;
        (*control).cmsg_len = libc::CMSG_LEN(length) as _;
        let time = libc::CMSG_DATA(control).cast::<libc::timespec>();
        time.write_unaligned(libc::timespec { tv_sec, tv_nsec });
    }
}

#[test]
fn what_the_kernel_writes_is_found() {
    let mut inbox = Inbox::new();
    for round in 0..2 {
        let headers = inbox.prepare();
        let long = vec![round; LONGEST];
        receive(&mut headers[0], &[1, 2, 3], 7, Some((5, 6)));
        receive(&mut headers[1], &long, 8, None);
        receive(&mut headers[AT_ONCE - 1], &[9; 60], 9, Some((-1, 0)));
        let found: Vec<_> = inbox.frames(AT_ONCE).collect();
        assert_eq!(found.len(), AT_ONCE);
        let (first, second, last) = (found[0], found[1], found[AT_ONCE - 1]);
        assert_eq!((first.interface, first.frame), (7, &[1, 2, 3][..]));
        assert_eq!(first.at, Some(Duration::new(5, 6)));
        assert!((second.interface, second.frame) == (8, &long[..]));
        assert_eq!(second.at, None);
        // Before 1970.
        assert_eq!((last.frame, last.at), (&[9; 60][..], None));
        assert_eq!(inbox.frames(1).count(), 1);
    }
}

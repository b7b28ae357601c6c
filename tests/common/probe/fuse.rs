//! A file server, by the kernel's FUSE protocol: `linux/fuse.h`. It may stop answering.

use crate::{c_string, print, text};
use std::fs::File;
use std::io::{Error, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// The operations that are known here.
mod opcode {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const UNLINK: u32 = 10;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const RELEASE: u32 = 18;
    pub const FLUSH: u32 = 25;
    pub const INIT: u32 = 26;
    pub const SETLK: u32 = 32;
    pub const SETLKW: u32 = 33;
    pub const CREATE: u32 = 35;
    pub const INTERRUPT: u32 = 36;
    pub const BATCH_FORGET: u32 = 42;
}

/// What INIT answers: that locks of flock(2) are the server's business.
const FUSE_FLOCK_LOCKS: u32 = 1 << 10;

/// What comes before the arguments, and before an answer.
const HEADER: usize = 40;
const ANSWER: usize = 16;

/// The directory; the first file is 2.
const ROOT: u64 = 1;

static SILENT: AtomicBool = AtomicBool::new(false);

extern "C" fn fall_silent(_signal: i32) {
    SILENT.store(true, Ordering::Relaxed);
}

/// Mounts a file system on a directory, and leaves a server behind, whose number it prints. It
/// serves until it is killed, which ends every wait for it, or nothing has the file system any
/// more. All is in memory; nothing is remembered by the kernel, which asks each time.
///
/// After SIGUSR1, requests are taken and not answered any more: who has made one cannot even be
/// killed. Of a stopped server, requests are not taken: who has made one can.
///
/// `flush`: also close(2) asks. `locks`: also flock(2) does; an exclusive lock is refused with
/// EBADF on what is open for reading, as NFS version 4 does. `remembered`: the kernel remembers
/// what a file is like. `private`: it is user 1000's, and nobody else is told anything.
pub fn serve(directory: &[u8], options: &[Vec<u8>]) -> u8 {
    let has = |name: &str| options.iter().any(|option| text(option) == name);
    let validity = if has("remembered") { 3600 } else { 0 };
    let (flush, locks, files) = (has("flush"), has("locks"), Vec::new());
    let server = Server { flush, locks, validity, files };
    let handler = fall_silent as extern "C" fn(i32) as libc::sighandler_t;
    unsafe { libc::signal(libc::SIGUSR1, handler) };
    let device = mount(directory, has("private"));
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "probe: fork: {}", Error::last_os_error());
    if child == 0 {
        (0..=2).for_each(|standard| _ = unsafe { libc::close(standard) });
        return server.run(device);
    }
    print(&format!("{child}\n"));
    0
}

fn mount(directory: &[u8], is_private: bool) -> File {
    let path = "/dev/fuse";
    let device = File::options().read(true).write(true).open(path);
    let device = device.unwrap_or_else(|error| panic!("probe: {path}: {error}"));
    let options = if is_private {
        "rootmode=40000,user_id=1000,group_id=1000"
    } else {
        "rootmode=40000,user_id=0,group_id=0,allow_other"
    };
    let options = c_string(format!("fd={},{options}", device.as_raw_fd()).as_bytes());
    let (directory, kind) = (c_string(directory), c"fuse.probe".as_ptr());
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    let data = options.as_ptr().cast();
    let result = unsafe { libc::mount(c"probe".as_ptr(), directory.as_ptr(), kind, flags, data) };
    assert!(result == 0, "probe: mount: {}", Error::last_os_error());
    device
}

struct Node {
    name: Vec<u8>,
    text: Vec<u8>,
    links: u32,
}

struct Server {
    flush: bool,
    locks: bool,
    /// For so many seconds an answer is good.
    validity: u64,
    files: Vec<Node>,
}

/// A request: its operation, the file's number and the arguments.
struct Request<'a> {
    opcode: u32,
    node: u64,
    rest: &'a [u8],
}

impl Request<'_> {
    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.rest[at..at + 4].try_into().unwrap())
    }

    fn long(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.rest[at..at + 8].try_into().unwrap())
    }

    /// The name that begins there.
    fn name(&self, at: usize) -> &[u8] {
        self.rest[at..].split(|&byte| byte == 0).next().unwrap()
    }
}

impl Server {
    fn run(mut self, mut device: File) -> u8 {
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = match device.read(&mut buffer) {
                Ok(count) => count,
                // A signal, or a request that was taken back.
                Err(error)
                    if [libc::EINTR, libc::ENOENT].map(Some).contains(&error.raw_os_error()) =>
                {
                    continue;
                }
                // It has been unmounted.
                Err(_) => return 0,
            };
            let header = Request { opcode: 0, node: 0, rest: &buffer[..HEADER] };
            let (opcode, unique, node) = (header.word(4), header.long(8), header.long(16));
            let request = Request { opcode, node, rest: &buffer[HEADER..count] };
            let needs_none = [opcode::FORGET, opcode::BATCH_FORGET, opcode::INTERRUPT];
            if needs_none.contains(&opcode) || SILENT.load(Ordering::Relaxed) {
                continue;
            }
            let (errno, body) = match self.answer(&request) {
                Ok(body) => (0, body),
                Err(errno) => (errno, Vec::new()),
            };
            let length = (ANSWER + body.len()) as u32;
            let head = [length.to_ne_bytes(), (-errno).to_ne_bytes()].concat();
            // If nobody waits any more, it is refused.
            let _ = device.write(&[head, unique.to_ne_bytes().to_vec(), body].concat());
        }
    }

    fn answer(&mut self, request: &Request) -> Result<Vec<u8>, i32> {
        match request.opcode {
            opcode::INIT => Ok(self.introduction()),
            opcode::LOOKUP => Ok(self.entry(self.find(request.name(0))?)),
            opcode::GETATTR => Ok(self.attributes(request.node)),
            opcode::SETATTR => self.change(request),
            opcode::CREATE => Ok(self.create(request)),
            opcode::OPEN => Ok(handle(request.word(0))),
            opcode::READ => self.read(request),
            opcode::WRITE => self.write(request),
            opcode::UNLINK => self.unlink(request.name(0)),
            opcode::FLUSH if self.flush => Ok(Vec::new()),
            opcode::SETLK | opcode::SETLKW if self.locks => lock(request),
            opcode::RELEASE => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        }
    }

    /// Version 7.31, and the size of what is written at once.
    fn introduction(&self) -> Vec<u8> {
        let flags = if self.locks { FUSE_FLOCK_LOCKS } else { 0 };
        let words: [u32; 16] = [7, 31, 0, flags, 0, 4096, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        words.map(u32::to_ne_bytes).concat()
    }

    fn find(&self, name: &[u8]) -> Result<u64, i32> {
        let is_it = |file: &Node| file.links > 0 && file.name == name;
        self.files.iter().position(is_it).map(|index| index as u64 + 2).ok_or(libc::ENOENT)
    }

    fn file(&mut self, node: u64) -> Result<&mut Node, i32> {
        self.files.get_mut(node.wrapping_sub(2) as usize).ok_or(libc::EISDIR)
    }

    /// Generation 0, and for how long the answer is good.
    fn entry(&self, node: u64) -> Vec<u8> {
        let head = [node, 0, self.validity, self.validity, 0].map(u64::to_ne_bytes).concat();
        [head, self.attribute(node)].concat()
    }

    fn attributes(&self, node: u64) -> Vec<u8> {
        let validity = [self.validity, 0].map(u64::to_ne_bytes).concat();
        [validity, self.attribute(node)].concat()
    }

    fn attribute(&self, node: u64) -> Vec<u8> {
        let file = self.files.get(node.wrapping_sub(2) as usize);
        let size = file.map_or(0, |file| file.text.len() as u64);
        let (mode, links) = match file {
            _ if node == ROOT => (libc::S_IFDIR | 0o777, 2),
            file => (libc::S_IFREG | 0o666, file.map_or(0, |file| file.links)),
        };
        let longs = [node, size, size.div_ceil(512), 0, 0, 0].map(u64::to_ne_bytes).concat();
        let words = [0, 0, 0, mode, links, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes).concat();
        [longs, words].concat()
    }

    /// The size alone, as truncate(2) does.
    fn change(&mut self, request: &Request) -> Result<Vec<u8>, i32> {
        const FATTR_SIZE: u32 = 1 << 3;
        if request.word(0) & FATTR_SIZE != 0 {
            self.file(request.node)?.text.resize(request.long(16) as usize, 0);
        }
        Ok(self.attributes(request.node))
    }

    fn create(&mut self, request: &Request) -> Vec<u8> {
        let name = request.name(16).to_vec();
        self.files.push(Node { name, text: Vec::new(), links: 1 });
        let entry = self.entry(self.files.len() as u64 + 1);
        [entry, handle(request.word(0))].concat()
    }

    fn read(&mut self, request: &Request) -> Result<Vec<u8>, i32> {
        let (start, size) = (request.long(8) as usize, request.word(16) as usize);
        let text = &self.file(request.node)?.text;
        Ok(text.iter().skip(start).take(size).copied().collect())
    }

    fn write(&mut self, request: &Request) -> Result<Vec<u8>, i32> {
        let (start, size) = (request.long(8) as usize, request.word(16));
        let bytes = &request.rest[40..40 + size as usize];
        let text = &mut self.file(request.node)?.text;
        text.resize(text.len().max(start + bytes.len()), 0);
        text[start..start + bytes.len()].copy_from_slice(bytes);
        Ok([size, 0].map(u32::to_ne_bytes).concat())
    }

    fn unlink(&mut self, name: &[u8]) -> Result<Vec<u8>, i32> {
        let node = self.find(name)?;
        self.file(node)?.links = 0;
        Ok(Vec::new())
    }
}

/// The answer to OPEN: a number that tells how the file was opened.
fn handle(flags: u32) -> Vec<u8> {
    [u64::from(flags & libc::O_ACCMODE as u32), 0].map(u64::to_ne_bytes).concat()
}

/// Grants every lock, but for an exclusive one on what is open for reading.
fn lock(request: &Request) -> Result<Vec<u8>, i32> {
    let is_exclusive = request.word(32) == libc::F_WRLCK as u32;
    let is_for_reading = request.long(0) == libc::O_RDONLY as u64;
    if is_exclusive && is_for_reading { Err(libc::EBADF) } else { Ok(Vec::new()) }
}

//! The energy of the first NVIDIA GPU, as its driver's library (NVML) counts it.

use std::ffi::c_void;

use libloading::{AsFilename, Library, Symbol};

/// The name of the driver's library.
const LIBRARY: &str = "libnvidia-ml.so.1";

type InitFn = unsafe extern "C" fn() -> i32;
type HandleFn = unsafe extern "C" fn(u32, *mut *mut c_void) -> i32;
type EnergyFn = unsafe extern "C" fn(*mut c_void, *mut u64) -> i32;

/// The energy counter of the first GPU. GPUs since Volta have one.
pub struct Nvml {
    library: Library,
    device: *mut c_void,
}

// SAFETY: NVML may be called from any thread, and its handles are not bound to one (NVML API reference,
// "Thread safety").
unsafe impl Send for Nvml {}

impl Nvml {
    /// The counter, if there is a GPU with its driver and NVML.
    pub fn open() -> Option<Self> {
        Self::load(LIBRARY)
    }

    fn load(path: impl AsFilename) -> Option<Self> {
        // SAFETY: the names and signatures are nvml.h's; loading the library has no other effect than
        // its own initialisers.
        unsafe {
            let library = Library::new(path).ok()?;
            let init: Symbol<InitFn> = library.get(b"nvmlInit_v2\0").ok()?;
            let handle: Symbol<HandleFn> = library.get(b"nvmlDeviceGetHandleByIndex_v2\0").ok()?;
            let mut device = std::ptr::null_mut();
            if init() != 0 || handle(0, &mut device) != 0 {
                return None;
            }
            let nvml = Self { library, device };
            nvml.joules()?;
            Some(nvml)
        }
    }

    /// Joules since the driver was loaded.
    pub fn joules(&self) -> Option<f64> {
        let mut millijoules = 0;
        // SAFETY: as in `load`. The device is the one that the library gave.
        let status = unsafe {
            let energy: Symbol<EnergyFn> = self
                .library
                .get(b"nvmlDeviceGetTotalEnergyConsumption\0")
                .ok()?;
            energy(self.device, &mut millijoules)
        };
        (status == 0).then_some(millijoules as f64 * 1e-3)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, process::Command};

    use super::Nvml;

    /// A library with the driver's functions, to be called instead of it.
    const FAKE: &str = "
        static unsigned long long drawn = 1500;
        int nvmlInit_v2(void) { return STATUS; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device) { *device = &drawn; return i; }
        int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj) {
            unsigned long long *counter = device;
            *mj = *counter;
            *counter += 500;
            return 0;
        }";

    #[test]
    fn a_counter_is_read_and_its_absence_is_no_error() {
        assert!(Nvml::load("there-is-no-such-library.so").is_none());
        let dir = tempfile::tempdir().unwrap();
        let open = |status: i32| {
            let source = dir.path().join("nvml.c");
            fs::write(&source, FAKE.replace("STATUS", &status.to_string())).unwrap();
            let library = dir.path().join(format!("nvml-{status}.so"));
            let compiled = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
                .args(["-shared", "-fPIC", "-o"])
                .args([&library, &source])
                .status();
            assert!(compiled.unwrap().success());
            Nvml::load(&library)
        };
        assert!(open(1).is_none(), "its initialisation failed");
        let nvml = open(0).unwrap();
        let (before, after) = (nvml.joules().unwrap(), nvml.joules().unwrap());
        assert_eq!((before, after), (2.0, 2.5));
    }
}

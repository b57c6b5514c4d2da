//! The data directory: made where it is missing, used by one process at a time, and the home of the secrets' key.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use model::Entropy;

use crate::configuration::SecretsKey;

/// The file whose lock says that a process uses the directory.
const LOCK: &str = "lock";
/// The file of the secrets' key.
const KEY: &str = "secrets.key";
/// A key file is read up to this size.
const MOST_OCTETS: u64 = 1024;

/// A data directory that this process holds until the value is dropped or the process ends, however it ends.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is missing and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        // Nobody but the owner has a reason to look into it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| {
                format!("the data directory {shown} cannot be made: name one with --data-dir below a folder that you may write to")
            })?;
        let file = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("{} cannot be opened", file.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a help for people, and may be missing.
                let _ = lock.take(MOST_OCTETS).read_to_string(&mut holder);
                bail!(
                    "another Entente (process {}) uses the data directory {shown}: end it, or choose another --data-dir",
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} cannot be locked", file.display()));
            }
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()))?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The key of the secrets: the configured one, else the one in the directory, which is made for a new database.
    pub(crate) fn secrets_key(
        &self,
        configured: Option<&SecretsKey>,
        database: &Path,
        entropy: &dyn Entropy,
    ) -> Result<SecretsKey> {
        if let Some(key) = configured {
            return Ok(key.clone());
        }
        let path = self.file(KEY);
        let shown = path.display();
        match File::open(&path) {
            Ok(file) => {
                if file.metadata()?.permissions().mode() & 0o077 != 0 {
                    bail!("{shown} can be read by others than its owner: chmod 600 {shown}");
                }
                let mut text = String::new();
                file.take(MOST_OCTETS).read_to_string(&mut text).with_context(|| shown.to_string())?;
                SecretsKey::parse(&text).map_err(|mend| anyhow::anyhow!("{shown} is of no use: {mend}"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && database.exists() => bail!(
                "{shown} is missing, and without it the secrets in {} cannot be read: put it back, or set \
                 ENTENTE_SECRETS_KEY",
                database.display()
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut octets = [0; 32];
                entropy.fill(&mut octets);
                let key = SecretsKey(octets);
                write_private(&path, &key.to_hex())?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("{shown} cannot be opened")),
        }
    }
}

/// Writes a new file that only its owner can read. It is there whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}", text.trim_end())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_belongs_to_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        let refused = DataDir::open(&path).err().unwrap().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDir::open(folder.path()).unwrap();
        let database = directory.file("entente.db");
        let key =
            |configured: Option<&SecretsKey>| directory.secrets_key(configured, &database, &SystemEntropy);
        let made = key(None).unwrap();
        assert_eq!(mode(&directory.file(KEY)), 0o600);
        File::create(&database).unwrap();
        assert_eq!(key(None).unwrap(), made);
        let given = SecretsKey([7; 32]);
        assert_eq!(key(Some(&given)).unwrap(), given);
    }

    #[test]
    fn a_key_that_is_open_broken_or_lost_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDir::open(folder.path()).unwrap();
        let database = directory.file("entente.db");
        let refused = || directory.secrets_key(None, &database, &SystemEntropy).err().unwrap().to_string();
        let path = directory.file(KEY);
        write_private(&path, "nonsense").unwrap();
        assert!(refused().contains("64 hexadecimal digits"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refused().contains("chmod 600"));
        fs::remove_file(&path).unwrap();
        File::create(&database).unwrap();
        assert!(refused().contains("put it back"));
        assert!(!path.exists());
    }
}

//! Roots of trust besides the platform's: for a venue, or a proxy, whose certificate no public authority has signed.

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Certificates as PEM text, one text after another.
#[derive(Clone, Debug, Default)]
pub(crate) struct FurtherRoots(Vec<u8>);

impl FurtherRoots {
    /// Adds what is in this text.
    pub(crate) fn add(&mut self, pem: &[u8]) {
        self.0.extend_from_slice(pem);
        self.0.push(b'\n');
    }

    /// The certificates.
    ///
    /// # Errors
    /// Says what is wrong with the texts, or with a certificate that is in them.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&self.0).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        if certificates.is_empty() && !self.0.is_empty() {
            return Err("no block BEGIN CERTIFICATE in it".to_owned());
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        Ok(certificates)
    }
}

/** PEM texts of one party of mutual TLS. */
export interface TlsFiles {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

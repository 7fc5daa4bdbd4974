export { createAuthority, issueCertificate, selfSignedCertificate, writeTlsDirectory, type Authority, type Credentials } from './issue.js';

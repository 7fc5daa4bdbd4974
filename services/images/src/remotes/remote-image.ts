import type { agentImages } from '@asterism/proto';

/** An image as another server offers it; times are unix seconds. */
export interface RemoteImage {
  fingerprint: string;
  filename: string;
  architecture: string;
  properties: Record<string, string>;
  createdAt: number;
  expiresAt: number;
  /** Its files as a member receives them, the fingerprint they must have included. */
  parts(uploadId: string, signal: AbortSignal): AsyncIterable<agentImages.ReceiveFrame>;
}

/** What a request says of an image elsewhere. */
export interface RemoteWish {
  server: string;
  protocol: string;
  certificate: string;
  alias: string;
  fingerprint: string;
  secret: string;
  /** "container", "virtual-machine" or empty. */
  imageType: string;
}

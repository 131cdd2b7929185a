export { NostrManager, type ManagerEvents } from './manager.js';
export { Subscription, type SubscriptionEvents } from './subscription.js';
export { Publish } from './publish.js';
export { EventView } from './event.js';
export type { Role } from './channels.js';
export type { LogLevel } from './log.js';
export { FerryError, type FerryErrorCode, type FerryErrorContext } from './errors.js';
export * as nip19 from './nip19.js';
export type { Diagnosis, DoctorCheck, DoctorCheckName } from './doctor.js';
export type { Naddr, Nevent, Nip19Entity, Nip19Input, Nprofile } from './nip19.js';
export type { Nip05Options, Nip05Profile } from './nip05.js';
export type { EventCache } from './cache.js';
export type { PeerEncryption, Signer, SignerEvents } from './signer.js';
export type { Relays, RelayEvents } from './relays.js';
export type {
  AcceptedOptions,
  CacheStats,
  ChoiceReason,
  CountOptions,
  CountResponse,
  EngineStats,
  EventTemplate,
  Explanation,
  Filter,
  ImportOptions,
  ImportResult,
  Limits,
  NostrConnectOptions,
  Pipe,
  PortName,
  PortStats,
  PublishOptions,
  PublishStatus,
  PublishStep,
  PublishTemplate,
  RelayChoice,
  RelayCount,
  RelayStatus,
  RememberOptions,
  RemoteSignerOptions,
  RoleStats,
  Rumor,
  SignedEvent,
  SignerApp,
  StartOptions,
  SubscribeOptions,
  ValidProof,
  ValidProofs,
} from './types.js';
export type * from './generated/kinds.js';

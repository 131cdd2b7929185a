export { NostrManager, type ManagerEvents } from './manager.js';
export { Subscription, type SubscriptionEvents } from './subscription.js';
export { Publish } from './publish.js';
export { EventView } from './event.js';
export { FerryError, type FerryErrorCode } from './errors.js';
export type { Encryption, Signer, SignerEvents } from './signer.js';
export type { Relays, RelayEvents } from './relays.js';
export type {
  CountResponse,
  EngineStats,
  EventTemplate,
  Filter,
  NostrConnectOptions,
  Pipe,
  PortStats,
  PublishOptions,
  PublishStatus,
  RelayStatus,
  RememberOptions,
  RemoteSignerOptions,
  RoleStats,
  Rumor,
  SignedEvent,
  SignerApp,
  StartOptions,
  SubscribeOptions,
} from './types.js';
export type * from './generated/kinds.js';

import { images } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { Aliases } from './aliases.js';
import { Housekeeping } from './housekeeping.js';
import { ImageFiles } from './image-files.js';
import { ImageLookup } from './image-lookup.js';
import { ImageParts } from './image-parts.js';
import { ImageTasks } from './image-tasks.js';
import { ImagesHandler } from './images.handler.js';
import { imagesTables } from './migrations/001-images.js';
import { Replication } from './replication.js';
import { ImageSecrets } from './secrets.js';
import { Upkeep } from './upkeep.js';

export const imagesService = defineService({
  name: 'images',
  providers: [Aliases, ImageSecrets, ImageLookup, ImageFiles, ImageParts, ImageTasks, Housekeeping, Replication, Upkeep, ImagesHandler],
  handlers: [
    [images.ImagesDefinition, ImagesHandler],
    [images.ImageReplicasDefinition, Replication],
  ],
  migrations: [imagesTables],
  membersIn: [['images.locations', 'member']],
  membersGoFrom: [['images.locations', 'member']],
  async start(app) {
    app.get(Housekeeping, { strict: false }).start();
    app.get(Upkeep, { strict: false }).start();
    await app.get(Replication, { strict: false }).start();
  },
  async stop(app) {
    app.get(Housekeeping, { strict: false }).stop();
    await app.get(Upkeep, { strict: false }).stop();
    await app.get(Replication, { strict: false }).stop();
  },
});

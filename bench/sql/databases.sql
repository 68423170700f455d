-- One database per size, so that all sizes can be measured in turn within one run.
create database depth_100 template holdfast;
create database depth_10000 template holdfast;
create database depth_1000000 template holdfast;
-- And one for each other part.
create database slices template holdfast;
create database spending template holdfast;
create database talking_few template holdfast;
create database talking_many template holdfast;
create database workers template holdfast;
